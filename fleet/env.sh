# For every shell that starts Ray or joins it, on every machine of a fleet:
#     . fleet/env.sh
export RAY_USAGE_STATS_ENABLED=0 # Ray tells nobody that it runs
export RAY_AUTH_MODE=token       # who has not the token in ~/.ray/auth_token is refused
