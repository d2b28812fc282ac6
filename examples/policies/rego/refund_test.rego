package taper_test

import data.taper

refund(amount) := {"order": "A-17", "amount": amount}

test_refund_passes_up_to_100 if {
	every amount in ["0.01", "99.99", "100.00"] {
		decision := taper.decision with input as call("refund_order", "desk", refund(amount))
			with data.roles as roles
		decision == {"verdict": "permit", "reasons": ["refund-desk-refunds"]}
	}
}

test_refund_above_100_needs_finance if {
	every amount in ["100.01", "5000.00"] {
		decision := taper.decision with input as call("refund_order", "desk", refund(amount))
			with data.roles as roles
		decision == {
			"verdict": "approval_required",
			"approvals": [{"group": "finance", "count": 1}],
			"reasons": ["refunds-above-100-need-approval"],
		}
	}
}

test_refund_above_5000_is_denied if {
	decision := taper.decision with input as call("refund_order", "desk", refund("5000.01"))
		with data.roles as roles
	decision == {"verdict": "deny", "reasons": ["no-refunds-above-5000"]}
}

test_refund_of_no_amount_is_denied if {
	every amount in ["0.00", "-1.00", "1e2", "100", "99.99999", "", "12.50\n", 12.5, null] {
		decision := taper.decision with input as call("refund_order", "desk", refund(amount))
			with data.roles as roles
		decision.verdict == "deny"
	}
}

test_nobody_else_refunds if {
	decision := taper.decision with input as call("refund_order", "dan", refund("1.00"))
		with data.roles as roles
	decision.verdict == "deny"
}
