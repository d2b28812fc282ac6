# What an enforcement point asks for is data.taper.decision. The other files add to three sets:
# permits (why a call may pass), asks (who has to approve it) and forbids (why it may not).
package taper

# Roles belong to the agents that roots were issued to: whoever they hand a task to has a key of its own.
has_role(role) if input.chains[0].holders[0] in data.roles[role]

default decision := {"verdict": "deny"}

decision := {"verdict": "deny", "reasons": sort(forbids)} if count(forbids) > 0

decision := {"verdict": "permit", "reasons": sort(permits)} if {
	count(forbids) == 0
	count(asks) == 0
	count(permits) > 0
}

decision := {"verdict": "approval_required", "approvals": approvals, "reasons": reasons} if {
	count(forbids) == 0
	count(asks) > 0
	count(permits) > 0
	approvals := [{"group": ask.group, "count": ask.count} | some ask in asks]
	reasons := sort({ask.rule | some ask in asks})
}
