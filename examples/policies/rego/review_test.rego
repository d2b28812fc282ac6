package taper_test

import data.taper

comment := {"repository": "taper", "number": 7, "body": "Looks right."}

roles := {"reviewer": ["rita"], "deployer": ["dan"], "refund-desk": ["desk"]}

# A call by an agent that `root` handed the task to.
call(tool, root, arguments) := {
	"tool": tool,
	"chains": [{"holders": [root, "helper"]}],
	"arguments": arguments,
}

test_reviewer_may_comment if {
	decision := taper.decision with input as call("comment_on_pull_request", "rita", comment)
		with data.roles as roles
	decision == {"verdict": "permit", "reasons": ["reviewers-comment"]}
}

test_deployer_may_not_comment if {
	decision := taper.decision with input as call("comment_on_pull_request", "dan", comment)
		with data.roles as roles
	decision.verdict == "deny"
}

test_reviewer_at_the_end_of_a_chain_may_not_comment if {
	decision := taper.decision with input as {
			"tool": "comment_on_pull_request",
			"chains": [{"holders": ["dan", "rita"]}],
			"arguments": comment,
		}
		with data.roles as roles
	decision.verdict == "deny"
}

test_unknown_tool_is_denied if {
	decision := taper.decision with input as call("drop_table", "rita", {}) with data.roles as roles
	decision == {"verdict": "deny"}
}

test_call_without_chains_is_denied if {
	decision := taper.decision with input as {"tool": "comment_on_pull_request", "arguments": comment}
		with data.roles as roles
	decision.verdict == "deny"
}
