package taper

permits contains "deployers-deploy" if {
	input.tool == "deploy"
	input.arguments.environment in {"staging", "production"}
	has_role("deployer")
}

# With `not`, an environment that is missing asks as well.
asks contains {"rule": "production-needs-approval", "group": "release-managers", "count": 1} if {
	input.tool == "deploy"
	not input.arguments.environment == "staging"
}
