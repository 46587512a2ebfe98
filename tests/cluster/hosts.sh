#!/usr/bin/env bash
# Runs a command among hosts that are network namespaces: h1, h2, .. at 10.77.0.11, 10.77.0.12, ..,
# joined with the command, which is at 10.77.0.1, by a bridge.
#   hosts.sh COUNT COMMAND..        `ip netns exec h1 ..` runs something on a host; the command may take
#                                   one off the net: `ip link set v1 down`
# It all lives in namespaces of its own and ends with the command, kill -9 included. Needs root.
# Exit status: that of COMMAND; 125 where this kernel or container does not let us.
set -u
export PATH="$PATH:/usr/sbin:/sbin"
if [ -z "${HOSTS_INNER-}" ]; then
  unshare --net --mount --pid --fork true 2>/dev/null || { echo "no namespaces can be made" >&2; exit 125; }
  HOSTS_INNER=1 exec setpriv --pdeathsig KILL \
    unshare --net --mount --pid --fork --kill-child=KILL --mount-proc -- "$BASH" "$0" "$@"
fi
unset HOSTS_INNER
lay() { # COUNT
  local at
  mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns || return
  ip link set lo up && ip link add knee0 type bridge && ip addr add 10.77.0.1/24 dev knee0 &&
    ip link set knee0 up || return
  for at in $(seq 1 "$1"); do
    ip netns add "h$at" && ip link add "v$at" type veth peer name eth0 netns "h$at" &&
      ip link set "v$at" master knee0 up && ip -n "h$at" addr add "10.77.0.$((10 + at))/24" dev eth0 &&
      ip -n "h$at" link set eth0 up && ip -n "h$at" link set lo up || return
  done
}
lay "$1" >&2 || exit 125
shift
"$@"
