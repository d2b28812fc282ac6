package taper

permits contains "reviewers-comment" if {
	input.tool == "comment_on_pull_request"
	has_role("reviewer")
}
