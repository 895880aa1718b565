#!/bin/sh
# Installs, on Debian, what test/compat needs: Apache ZooKeeper itself and the clients that are tried here.
# usage: scripts/install-clients.sh      as root, or as who may sudo
set -eu

server='zookeeper'
java='libzookeeper-java libcurator-recipes-java default-jdk-headless'
c='libzookeeper-mt-dev gcc libc6-dev'
python='python3-kazoo'
go='golang-go golang-github-samuel-go-zookeeper-dev'
# node-zookeeper-client is one of our devDependencies.

sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
$sudo apt-get update
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $server $java $c $python $go
