#!/bin/bash
# boot-sandbox.sh DIRECTORY ROOT[:ROOT...]: becomes systemd, PID 1 of a machine of its own, on a throw-away
# copy of ROOT (/ is this machine's; of several the first lies on top): nothing that happens in there is
# seen outside. What it writes goes to DIRECTORY/layers: a disk that was mounted there lives on, else all
# is gone with PID 1.
# Made to be run by `unshare --pid --mount --uts --ipc --net --cgroup --fork`.
set -eu
cd "$1"
mount --make-rprivate /

mkdir -p layers root
mountpoint -q layers || mount -t tmpfs -o mode=755 tmpfs layers
mkdir -p layers/upper layers/work
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/layers/upper,workdir=$1/layers/work" root
cd root

mount -t proc -o nosuid,nodev,noexec proc proc
# Or systemd-sysctl would set the settings of the kernel, which are those of the machine outside.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs tmp

# Nodes of its own: whoever changed the mode of a bound one would change it outside.
mount -t tmpfs -o mode=755,nosuid tmpfs dev
while read -r name major minor; do
  mknod -m 666 "dev/$name" c "$major" "$minor"
done <<'NODES'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
NODES
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd

mkdir -p .outside
pivot_root . .outside
mount --make-rshared /
umount --lazy /.outside

# Without the rights to set the clock, to load modules or to end the machine outside.
exec env -i container=sandbox PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  setpriv --inh-caps=-all --bounding-set=-sys_time,-sys_boot,-sys_module,-mknod,-syslog,-wake_alarm -- \
  /lib/systemd/systemd --show-status=0 --log-target=journal systemd.unit=basic.target
