/**
 * What busybox's udhcpc runs at each change of its lease; it tells the lease in the environment (networking/udhcp). An
 * address that is renewed stays untouched: to set it again would drop its routes, and with them the daemon's connections.
 */
export const UDHCPC_SCRIPT = `#!/bin/busybox sh
set -u
b=/bin/busybox
case "$1" in
deconfig)
  $b ip -4 addr flush dev "$interface"
  $b ip link set dev "$interface" up
  ;;
bound | renew)
  if ! $b ip -4 addr show dev "$interface" | $b grep -qF "inet $ip/"; then
    $b ip -4 addr flush dev "$interface"
    $b ifconfig "$interface" "$ip" netmask "\${subnet:-255.255.255.0}"
  fi
  [ -z "\${mtu:-}" ] || $b ip link set dev "$interface" mtu "$mtu"
  for gateway in \${router:-}; do
    # A gateway outside of the subnet (a /32 by DHCP) needs a route to itself first.
    $b ip route replace default via "$gateway" dev "$interface" 2>/dev/null || {
      $b ip route replace "$gateway" dev "$interface"
      $b ip route replace default via "$gateway" dev "$interface"
    }
    break
  done
  for server in \${dns:-}; do echo "nameserver $server"; done > /etc/resolv.conf
  ;;
esac
exit 0
`;
