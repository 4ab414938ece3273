#!/bin/sh
# The first process of the kernel whose power is cut: mounts the disk and starts the program on a store there.
# The kernel hands over what stands on its command line: POWER_PROGRAM, POWER_TEST, POWER_MOUNT, POWER_LOOK, POWER_PRELOAD.
mount -t proc proc /proc
mountpoint -q /dev || mount -t devtmpfs dev /dev
if ! mount -t ext4 /dev/ubda "$POWER_MOUNT"; then
  echo "broken the file system cannot be mounted"
  halt -d -f
fi
echo "mounted"
export NEXUS_LOG_TEST_CHILD="$POWER_MOUNT/store"
[ -z "$POWER_LOOK" ] || export NEXUS_POWER_LOOK_ONLY=1
[ -z "$POWER_PRELOAD" ] || export LD_PRELOAD="$POWER_PRELOAD"
"$POWER_PROGRAM" --exact "$POWER_TEST" --nocapture --test-threads=1 || echo "broken the program failed"
unset LD_PRELOAD
umount "$POWER_MOUNT"
echo "halted"
halt -d -f
