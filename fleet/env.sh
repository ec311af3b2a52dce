# For every shell that starts Ray or joins it, on every machine of a fleet:
#     . fleet/env.sh
export RAY_USAGE_STATS_ENABLED=0 # Ray tells nobody that it runs
export RAY_AUTH_MODE=token       # who has not the token in ~/.ray/auth_token is refused
# A machine that hangs is noticed after 24 seconds (three times 3 + 5), not 64. It is the head that asks.
export RAY_health_check_timeout_ms=5000 RAY_health_check_failure_threshold=3
