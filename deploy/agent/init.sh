#!/bin/busybox sh
# The first process of the agent's image. It lies in the first archive of the image, with busybox alone, so that it can
# say what is wrong when the rest did not arrive.
#
# Words on the kernel's command line:
#   ingot.rescue   a shell on each console, and no agent
#
# For the agent it leaves, beside what the archives hold:
#   INGOT_CONSOLES          the consoles that a person may look at, such as "/dev/tty1 /dev/ttyS0"
#   /run/ingot/settled      there when drivers of all devices have been looked for
#   /run/ingot/modprobe.log what did not load
# What the agent writes to its standard output and error goes to every console.
b=/bin/busybox
$b mkdir -p /proc /sys /dev /run /tmp /root
$b mount -t proc -o nosuid,nodev,noexec proc /proc
$b mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
$b mount -t devtmpfs -o nosuid devtmpfs /dev
$b mkdir -p /dev/pts /dev/shm
$b mount -t devpts -o nosuid,noexec devpts /dev/pts
$b mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs /run
$b mkdir -p /run/ingot
# Names that are taken already, by the programs of Debian's packages, stay theirs.
$b --install -s /bin
export PATH=/bin HOME=/root TERM=linux
# This shell takes its own program for a name even where a package brought another: those are called by their path, and
# an interactive shell gets aliases.
export ENV=/etc/ingot/shell

# Every console that takes a line: those that the kernel speaks on, the first screen and the first serial port.
consoles=
for name in tty1 ttyS0 $(cat /sys/class/tty/console/active); do
  [ "$name" = tty0 ] && continue
  case " $consoles " in *" /dev/$name "*) continue ;; esac
  (echo >"/dev/$name") 2>/dev/null && consoles="$consoles${consoles:+ }/dev/$name"
done
export INGOT_CONSOLES="$consoles"

say() {
  echo "<7>ingot: $*" >/dev/kmsg
  for console in $consoles; do echo "ingot: $*" >"$console"; done
}

wants() {
  case " $(cat /proc/cmdline) " in *" $1 "*) return 0 ;; esac
  return 1
}

# A shell on each console, again when it is left.
rescue() {
  say "rescue shell"
  for console in $consoles; do
    (while :; do
      setsid sh -c "exec sh -i <$console >$console 2>&1"
      sleep 1
    done) &
  done
  while :; do wait; sleep 1; done
}

# Says why on every console, and begins again after a time in which a person can read it.
give_up() {
  say "$*"
  if wants ingot.rescue; then rescue; fi
  say "restarting in 5 minutes"
  sleep 300
  reboot -f
  # Some boards do not.
  while :; do sleep 3600; done
}

trap 'reboot -f' TERM
trap 'poweroff -f' USR2

# The last member of the last archive: without it the memory was too small or the download ended early, and the kernel
# goes on all the same.
if [ ! -s /etc/ingot/image ]; then
  memory=$(sed -n 's/^MemTotal: *//p' /proc/meminfo)
  give_up "REFUSED: this image is not whole, its end is missing (the machine has $memory of memory)"
fi
say "agent image $(cat /etc/ingot/image), kernel $(uname -r), consoles $consoles"

ip link set lo up
# A driver is there for each device that has an alias. Those that appear behind a bus or a controller are found by looking
# again until nothing is new, and those that come later by what the kernel tells of them.
load_drivers() {
  xargs /bin/modprobe -a -b -q -- </etc/ingot/modules 2>>/run/ingot/modprobe.log
  : >/run/ingot/aliases
  quiet=0
  listening=
  for round in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    find /sys/devices -name modalias -exec cat {} + 2>/dev/null | sort -u >/run/ingot/aliases.now
    sort /run/ingot/aliases /run/ingot/aliases.now | uniq -u >/run/ingot/aliases.new
    if [ -s /run/ingot/aliases.new ]; then
      quiet=0
      # Network cards (PCI class 02, virtio device 1) first: a disk that hangs must not keep the machine from speaking.
      for part in "-iE" "-viE"; do
        grep "$part" '^pci:.*bc02|^virtio:d00000001' /run/ingot/aliases.new | tr '\n' '\0' |
          xargs -0 -r /bin/modprobe -a -b -q -- 2>>/run/ingot/modprobe.log
      done
      mv /run/ingot/aliases.now /run/ingot/aliases
    else
      quiet=$((quiet + 1))
      # It listens before the last look, so that nothing falls between.
      if [ -z "$listening" ]; then uevent /etc/ingot/device-added & listening=$!; fi
      [ $quiet -ge 2 ] && break
    fi
    usleep 250000
  done
  [ -d /sys/firmware/efi/efivars ] && mount -t efivarfs -o nosuid,nodev,noexec efivarfs /sys/firmware/efi/efivars
  rm -f /run/ingot/aliases*
  echo "<7>ingot: drivers settled in round $round" >/dev/kmsg
  : >/run/ingot/settled
}
load_drivers &
tries=0
until [ -e /run/ingot/settled ] || [ $tries -eq 100 ]; do
  usleep 200000
  tries=$((tries + 1))
done
[ -e /run/ingot/settled ] || say "drivers are still being loaded; going on without waiting for them"

if wants ingot.rescue; then rescue; fi

# Both ends stay open here, so that neither the agent nor the copying ends with the other. Each opens the pipe anew: Node
# makes its end non-blocking, which a shared one would be for the copying too.
mkfifo /run/ingot/output
exec 3<>/run/ingot/output
tee $consoles </run/ingot/output >/dev/null 2>&1 3>&- &

deaths=0
while [ $deaths -lt 5 ]; do
  begun=$(cut -d. -f1 /proc/uptime)
  node /agent/main.js >/run/ingot/output 2>&1 3>&- &
  # Waiting for any child also buries orphans, which are the first process's.
  wait $!
  status=$?
  [ $(($(cut -d. -f1 /proc/uptime) - begun)) -ge 600 ] && deaths=0
  deaths=$((deaths + 1))
  say "the agent ended with status $status (time $deaths of 5)"
  sleep $((deaths * 2))
done
give_up "FAILED: the agent does not stay up"
