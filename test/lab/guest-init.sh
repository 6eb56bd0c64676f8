#!/bin/busybox sh
# The whole user space of a test guest: says on the first serial port that it is up and with which kernel command line,
# does what the command line asks for, and powers the machine off.
#
#   ingot.network     asks for an address and says which one it got
#   ingot.get=URL     fetches URL and says its length and digest (needs ingot.network before it)
#   ingot.show=PATH   says the mode, owner and content of a file of the initramfs
#   ingot.stay        does not power off
b=/bin/busybox
$b mkdir -p /proc /sys /dev /run
$b mount -t proc proc /proc
$b mount -t sysfs sysfs /sys
$b mount -t devtmpfs devtmpfs /dev
$b --install -s /bin
export PATH=/bin
# The first serial port of a PC, or that of an arm64 server.
tty=/dev/ttyS0
[ ! -c /dev/ttyAMA0 ] || tty=/dev/ttyAMA0
exec >$tty 2>&1 </dev/null
while read -r module; do
  insmod "/modules/$module.ko"
done </modules/order
# The driver finds its device a moment after it is loaded.
tries=0
until [ -e /sys/class/net/eth0/address ] || [ $tries -eq 500 ]; do
  usleep 10000
  tries=$((tries + 1))
done
mac=$(cat /sys/class/net/eth0/address || echo none)
read -r cmdline </proc/cmdline
# A kernel message may hold the line: the guest's own words begin a new one.
echo
echo "INGOT-GUEST-UP mac=$mac cmdline=$cmdline"

for word in $cmdline; do
  value=${word#*=}
  case $word in
    ingot.network)
      ip link set eth0 up
      if udhcpc -i eth0 -n -q -t 10 -s /udhcpc.sh >/run/udhcpc.log 2>&1; then
        echo "INGOT-GUEST-ADDRESS $(cat /run/address)"
      else
        echo "INGOT-GUEST-NO-ADDRESS"
        cat /run/udhcpc.log
      fi
      ;;
    ingot.get=*)
      if wget -q -O /run/got "$value"; then
        echo "INGOT-GUEST-GOT $value bytes=$(stat -c %s /run/got) sha256=$(sha256sum /run/got | cut -d ' ' -f 1)"
      else
        echo "INGOT-GUEST-GOT-NOTHING $value"
      fi
      ;;
    ingot.show=*)
      echo "INGOT-GUEST-FILE $value $(stat -c 'mode=%a owner=%u' "$value") content=$(cat "$value")"
      ;;
    ingot.stay) stay=yes ;;
  esac
done
echo "INGOT-GUEST-DONE"
until [ "$stay" != yes ]; do sleep 3600; done
poweroff -f
