#!/bin/sh
# Boots a kernel (User Mode Linux) whose disk is the file FOLDER/disk.img; kill its process group to cut its power.
# Usage: kernel.sh FOLDER PROGRAM TEST [look|nosync]; its console is the standard output.
set -eu
folder=$1 program=$2 test=$3 how=${4:-}
here=$(cd "$(dirname "$0")" && pwd)
look='' preload=''
case $how in
  look) look=1 ;;
  nosync) preload=${LIBEATMYDATA:?} ;;
esac
exec linux.uml mem=512M root=/dev/root rootfstype=hostfs rootflags=/ ro quiet con=null con0=fd:0,fd:1 \
  "ubd0=$folder/disk.img" "init=$here/init.sh" "POWER_PROGRAM=$program" "POWER_TEST=$test" \
  "POWER_MOUNT=$folder/mount" "POWER_LOOK=$look" "POWER_PRELOAD=$preload" </dev/null 2>&1
