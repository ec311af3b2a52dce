# For a fleet on this machine alone, in every one of its shells:
#     . fleet/loopback.sh
export RAY_USAGE_STATS_ENABLED=0 # Ray tells nobody that it runs
export RAY_AUTH_MODE=token       # who has not the token in ~/.ray/auth_token is refused
# A machine that hangs is noticed after 24 seconds (three times 3 + 5), not 64. It is the head that asks.
export RAY_health_check_timeout_ms=5000 RAY_health_check_failure_threshold=3
# Ray then takes 127.0.0.1 for its address, as it does on Windows and macOS: nothing but this machine reaches it.
export RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER=0
# Where Ray's head listens. With `auto` the gateway could meet another Ray of this machine.
export RAY_GCS_SERVER_PORT=6379
