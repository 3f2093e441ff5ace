#!/bin/busybox sh
# The lab's installer: brings up the network of a netbooted machine, calls back, powers off.
# Kernel arguments: nearboot.callback=URL (none: no call-backs), nearboot.stay (do not power off).
/bin/busybox mkdir -p /bin /proc /sys /dev /etc /tmp /run
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null

up() { cut -d' ' -f1 /proc/uptime; }
say() { echo "nearboot: $*"; }
argument() {
  for word in $(cat /proc/cmdline); do
    case "$word" in "$1="*) echo "${word#*=}"; return 0 ;; "$1") return 0 ;; esac
  done
  return 1
}
finish() {
  argument nearboot.stay >/dev/null && exec sh
  sync
  poweroff -f
}
fail() {
  say "failed $* $(up)"
  finish
}

# /modules lists them in the order in which they depend on each other.
while read -r module; do
  insmod "/lib/modules/$module" || say "module $module does not load"
done </modules

tries=50
until [ -e /sys/class/net/eth0 ] || [ $tries -eq 0 ]; do
  tries=$((tries - 1))
  sleep 0.1
done
say "init up $(up)"
[ -e /sys/class/net/eth0 ] || fail "no network interface"
mac=$(cat /sys/class/net/eth0/address)
ip link set lo up
ip link set eth0 up
udhcpc -i eth0 -n -q -t 10 -T 2 -s /etc/udhcpc.sh >/dev/null || fail "no lease from DHCP"

callback=$(argument nearboot.callback)
post() {
  [ -n "$callback" ] || { say "callback $1 skipped: no nearboot.callback="; return 0; }
  attempt=1
  while [ $attempt -le 5 ]; do
    # Not wget -T: it ends with a segmentation fault in Debian's static busybox 1.35.
    if error=$(timeout 10 wget -q -O /dev/null --post-data "phase=$1&mac=$mac&uptime=$(up)" "$callback" 2>&1); then
      say "callback $1 ok $(up)"
      return 0
    fi
    say "callback $1 attempt $attempt failed: $error"
    attempt=$((attempt + 1))
    sleep 1
  done
  fail "callback $1 to $callback"
}

post installer
post provisioned
say "done $(up)"
finish
