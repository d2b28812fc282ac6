package taper_test

import data.taper

deploy(environment) := {"service": "shop", "environment": environment, "version": "1.4.0"}

test_deployer_may_deploy_to_staging if {
	decision := taper.decision with input as call("deploy", "dan", deploy("staging"))
		with data.roles as roles
	decision == {"verdict": "permit", "reasons": ["deployers-deploy"]}
}

test_production_needs_a_release_manager if {
	decision := taper.decision with input as call("deploy", "dan", deploy("production"))
		with data.roles as roles
	decision == {
		"verdict": "approval_required",
		"approvals": [{"group": "release-managers", "count": 1}],
		"reasons": ["production-needs-approval"],
	}
}

test_no_approval_opens_another_environment if {
	every environment in ["Production", "production ", "prod", "", 1, null] {
		decision := taper.decision with input as call("deploy", "dan", deploy(environment))
			with data.roles as roles
		decision.verdict == "deny"
	}
}

test_reviewer_may_not_deploy if {
	every environment in ["staging", "production"] {
		decision := taper.decision with input as call("deploy", "rita", deploy(environment))
			with data.roles as roles
		decision.verdict == "deny"
	}
}
