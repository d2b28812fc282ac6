package taper

permits contains "refund-desk-refunds" if {
	amount > 0
	has_role("refund-desk")
}

asks contains {"rule": "refunds-above-100-need-approval", "group": "finance", "count": 1} if amount > 100

forbids contains "no-refunds-above-5000" if amount > 5000

# Money is text, with two digits after the point. Any other text is no amount, and nothing permits it.
amount := value if {
	input.tool == "refund_order"
	text := input.arguments.amount
	is_string(text)
	regex.match(`^(0|[1-9][0-9]{0,8})\.[0-9]{2}$`, text)
	value := to_number(text)
}
