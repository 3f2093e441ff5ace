#!/bin/busybox sh
# What busybox udhcpc runs when its lease changes: sets the address, the default route and the name servers.
case "$1" in
deconfig)
  ip addr flush dev "$interface"
  ;;
bound | renew)
  ip addr replace "$ip/${mask:-24}" dev "$interface"
  for gateway in $router; do
    ip route replace default via "$gateway"
    break
  done
  : >/etc/resolv.conf
  for server in $dns; do echo "nameserver $server" >>/etc/resolv.conf; done
  echo "nearboot: lease $ip/${mask:-24} gateway=$router server=$siaddr file=$boot_file" >/dev/console
  ;;
esac
exit 0
