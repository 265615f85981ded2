#!/bin/sh
# The few system libraries that no wheel brings: software or GPU OpenGL through EGL (cameras), libusb and libgomp (Open3D).
# Installs them with apt-get when it may, otherwise says which are missing. Never asks for a password.
set -u
missing=""
has() { ldconfig -p 2>/dev/null | grep -q "$1" || [ -n "$(find /usr/lib /usr/local/lib -name "$1*" -print -quit 2>/dev/null)" ]; }
has libEGL.so.1 || missing="$missing libegl1"
has libEGL_mesa.so.0 || has libEGL_nvidia.so.0 || missing="$missing libegl-mesa0"
[ -n "$(find /usr/lib /usr/local/lib -name 'swrast_dri.so' -o -name 'libgallium*' 2>/dev/null | head -1)" ] || has libEGL_nvidia.so.0 || missing="$missing libgl1-mesa-dri"
has libGL.so.1 || missing="$missing libgl1"
has libusb-1.0.so.0 || missing="$missing libusb-1.0-0"
has libgomp.so.1 || missing="$missing libgomp1"
[ -z "$missing" ] && exit 0

if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then run=""; elif sudo -n true 2>/dev/null; then run="sudo -n"; else run="none"; fi
    if [ "$run" != none ]; then
        echo "Installing system libraries:$missing"
        # shellcheck disable=SC2086
        $run apt-get update -qq && DEBIAN_FRONTEND=noninteractive $run apt-get install -y -qq --no-install-recommends $missing >/dev/null && exit 0
    fi
fi
echo "System libraries are missing; install them and run this again: sudo apt-get install$missing" >&2
exit 1
