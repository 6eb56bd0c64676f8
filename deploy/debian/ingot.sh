#!/bin/sh
# The command line of the package. Its daemon's token is found by whoever may read it.
[ -z "$INGOT_DATA" ] && [ -r /var/lib/ingot/operator.token ] && export INGOT_DATA=/var/lib/ingot
exec /usr/lib/ingot/bin/node /usr/lib/ingot/cli/main.js "$@"
