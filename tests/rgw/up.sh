#!/bin/bash
# up.sh - start a real S3: a private Ceph RADOS Gateway with two regions on 127.0.0.1.
#
#   tests/rgw/up.sh        start, unless it is up already; print the environment
#   . "$RGW_DIR/env"       the endpoints and keys, as shell variables S3_A_* and S3_B_*
#   tests/rgw/down.sh      stop it
#
# Debian's ceph-mon, ceph-osd and radosgw, without systemd, mgr or cephx; root is not needed. Everything
# is inside RGW_DIR. Every start is an empty pair of regions. The first start builds the cluster and keeps
# it, still empty, as a template in RGW_DIR/template, so that later starts take seconds.
#
#   RGW_DIR     private directory, with a short name as it holds unix sockets   /tmp/crrfs-rgw-$UID
#   RGW_PORT    first of 60 TCP ports                                           by uid, from 18480
#   RGW_LC_DAY  seconds that a day of the lifecycle rules lasts, 0 = a day      0
#   RGW_FRESH   1 = ignore the template                                         0
set -euo pipefail
umask 077
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "$0")" && pwd)
uid=$(id -u)
dir=${RGW_DIR:-/tmp/crrfs-rgw-$uid}
port=${RGW_PORT:-$((18480 + uid % 200 * 60))}
lc_day=${RGW_LC_DAY:-0}
python=/usr/bin/python3
conf=$dir/ceph.conf
kms_key=arn:aws:kms:eu-west-1:111122223333:key/
started=$SECONDS

say() { echo "rgw: $((SECONDS - started)) s: $*" >&2; }
die() { say "$*"; exit 1; }

for tool in ceph-mon ceph-osd radosgw radosgw-admin monmaptool openssl curl flock; do
	command -v $tool >/dev/null ||
		die "$tool is missing: apt-get install --no-install-recommends ceph-mon ceph-osd radosgw python3-rados"
done

# A pid file names a process of ours that is neither dead nor a zombie.
alive() {
	local pid stat
	pid=$(cat "$dir/run/$1.pid" 2>/dev/null) && [ -n "$pid" ] || return 1
	stat=$(cat "/proc/$pid/stat" 2>/dev/null) || return 1
	stat=${stat##*) }
	case ${stat%% *} in Z | X) return 1 ;; esac
	tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "-c $conf "
}
answers() { curl -sf -o /dev/null --max-time 2 "http://127.0.0.1:$1/"; }
all_alive() {
	local name
	for name in mon.a osd.0 client.rgw.a client.rgw.b; do alive $name || return 1; done
	answers $((port + 1)) && answers $((port + 3))
}

mkdir -p "$dir"
[ -O "$dir" ] || die "$dir belongs to somebody else"
exec 9>"$dir/lock"
flock 9 # a second caller waits here and then finds it up
if [ -s "$dir/env" ] && all_alive; then
	say "already up"
	cat "$dir/env"
	exit 0
fi
down() { RGW_DIR=$dir RGW_LOCKED=1 "$here/down.sh" 9>&- >&2; }
down || true
at_exit() {
	local status=$?
	[ $status = 0 ] && return
	say "failed; the logs are in $dir/log"
	tail -n 5 "$dir"/log/*.log >&2 2>/dev/null || true
	down || true
}
trap at_exit EXIT
for sub in mon osd log run crash; do
	rm -rf "${dir:?}/$sub"
	mkdir "$dir/$sub"
done
: >"$dir/keyring"

# The template is only good for the script, place, port, version and user that made it.
tag=$( (cat "$0"; echo "$dir $port $uid"; ceph-osd --version) | sha256sum | cut -d' ' -f1)
if [ "${RGW_FRESH:-0}" = 0 ] && [ "$(cat "$dir/template/tag" 2>/dev/null)" = "$tag" ]; then
	warm=yes
	fsid=$(cat "$dir/template/fsid")
else
	warm=
	fsid=$(cat /proc/sys/kernel/random/uuid)
	rm -rf "$dir/template" "$dir/tls" "$dir/zone" "$dir/monmap"
	mkdir "$dir/template" "$dir/tls" "$dir/zone"
fi

# ---- configuration: whatever defaults to /var or /etc moves into our directory ---------------------------
cat >"$conf" <<END
[global]
fsid = $fsid
mon_host = v2:127.0.0.1:$port/0
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
auth_allow_insecure_global_id_reclaim = false
ms_bind_msgr1 = false
ms_bind_ipv6 = false
ms_bind_port_min = $((port + 12))
ms_bind_port_max = $((port + 51))
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
# without cephx there is no key to encrypt with
ms_mon_client_mode = crc
ms_mon_cluster_mode = crc
ms_mon_service_mode = crc
ms_cluster_mode = crc
ms_service_mode = crc
ms_client_mode = crc
ms_crc_data = false
ms_async_op_threads = 2
run_dir = $dir/run
pid_file = $dir/run/\$name.pid
admin_socket = $dir/run/\$name.asok
log_file = $dir/log/\$name.log
crash_dir = $dir/crash
keyring = $dir/keyring
log_max_recent = 100
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
[mon]
mon_data = $dir/mon
mon_cluster_log_file = $dir/log/cluster.log
mon_cluster_log_to_file = false
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
mon_data_avail_warn = 2
mon_data_avail_crit = 1
paxos_propose_interval = 0.02
paxos_min_wait = 0.01
[osd]
osd_data = $dir/osd
osd_objectstore = memstore
memstore_device_bytes = 17179869184
osd_heartbeat_grace = 120
# a memstore saves itself only at an orderly end
osd_fast_shutdown = false
osd_enable_op_tracker = false
osd_op_num_shards = 2
osd_op_num_threads_per_shard = 2
[client]
rgw_thread_pool_size = 64
rgw_max_concurrent_requests = 1024
rgw_enable_usage_log = false
rgw_enable_ops_log = false
rgw_enable_apis = s3, admin, sts, iam, notifications
rgw_dynamic_resharding = false
rgw_run_sync_thread = false
rgw_enable_quota_threads = false
rgw_gc_obj_min_wait = 30
rgw_gc_processor_period = 30
rgw_gc_processor_max_time = 30
rgw_lc_max_worker = 1
rgw_lc_max_wp_worker = 1
rgw_md_notify_interval_msec = 5000
rgw_data_notify_interval_msec = 5000
rgw_verify_ssl = false
rgw_crypt_require_ssl = false
# keys for SSE-KMS in the open: nothing secret is kept here
rgw_crypt_s3_kms_backend = testing
rgw_crypt_s3_kms_encryption_keys = ${kms_key}one=$(printf %032d 1 | base64) ${kms_key}two=$(printf %032d 2 | base64)
# 1 = a line for each request, which the tests count
debug_rgw = 1/1
END
[ "$lc_day" = 0 ] || echo "rgw_lc_debug_interval = $lc_day" >>"$conf"

# One region is one realm with one zonegroup (its name is the S3 region) with one zone.
write_region() { # a|b region first-port
	local r=$1 region=$2 http=$3 class classes='' targets='' zone_id zonegroup_id
	zone_id=00000000-0000-4000-8000-00000000000$r
	zonegroup_id=00000000-0000-4000-9000-00000000000$r
	cat >>"$conf" <<-END
		[client.rgw.$r]
		rgw_realm = realm-$r
		rgw_zonegroup = $region
		rgw_zone = zone-$r
		rgw_dns_name = s3-$r.localhost
		rgw_frontends = beast endpoint=127.0.0.1:$http ssl_endpoint=127.0.0.1:$((http + 1)) ssl_certificate=$dir/tls/cert.pem ssl_private_key=$dir/tls/key.pem tcp_nodelay=1
	END
	[ -z "$warm" ] || return 0
	# every storage class of S3 exists and is the same pool
	for class in STANDARD STANDARD_IA ONEZONE_IA INTELLIGENT_TIERING REDUCED_REDUNDANCY GLACIER GLACIER_IR \
		DEEP_ARCHIVE; do
		classes="$classes${classes:+,}\"$class\":{\"data_pool\":\"$r.data\"}"
		targets="$targets${targets:+,}\"$class\""
	done
	cat >"$dir/zone/zone-$r.json" <<-END
		{"id":"$zone_id","name":"zone-$r","realm_id":"@REALM@",
		 "domain_root":"$r.meta:root","control_pool":"$r.meta:control","gc_pool":"$r.meta:gc",
		 "lc_pool":"$r.meta:lc","log_pool":"$r.meta:log","intent_log_pool":"$r.meta:intent",
		 "usage_log_pool":"$r.meta:usage","roles_pool":"$r.meta:roles","reshard_pool":"$r.meta:reshard",
		 "user_keys_pool":"$r.meta:users.keys","user_email_pool":"$r.meta:users.email",
		 "user_swift_pool":"$r.meta:users.swift","user_uid_pool":"$r.meta:users.uid",
		 "otp_pool":"$r.meta:otp","notif_pool":"$r.meta:notif",
		 "system_key":{"access_key":"","secret_key":""},
		 "placement_pools":[{"key":"default-placement","val":{"index_pool":"$r.index",
		   "data_extra_pool":"$r.data","index_type":0,"storage_classes":{$classes}}}]}
	END
	# without a sync policy group the gateway refuses PutBucketReplication with 405
	cat >"$dir/zone/zonegroup-$r.json" <<-END
		{"id":"$zonegroup_id","name":"$region","api_name":"$region","is_master":true,
		 "endpoints":["http://127.0.0.1:$http"],"hostnames":["s3-$r.localhost"],"hostnames_s3website":[],
		 "master_zone":"$zone_id","realm_id":"@REALM@",
		 "zones":[{"id":"$zone_id","name":"zone-$r","endpoints":["http://127.0.0.1:$http"],
		   "bucket_index_max_shards":1,"read_only":false,"sync_from_all":true,"sync_from":[]}],
		 "placement_targets":[{"name":"default-placement","tags":[],"storage_classes":[$targets]}],
		 "default_placement":"default-placement",
		 "sync_policy":{"groups":[{"id":"g","status":"allowed",
		   "data_flow":{"symmetrical":[{"id":"f","zones":["$zone_id"]}]},
		   "pipes":[{"id":"p","source":{"bucket":"*","zones":["*"]},"dest":{"bucket":"*","zones":["*"]},
		     "params":{"source":{"filter":{"tags":[]}},"dest":{},"priority":0,"mode":"system","user":""}}]}]}}
	END
}
write_region a us-east-1 $((port + 1))
write_region b eu-west-1 $((port + 3))

# ---- daemons: each goes to the background itself; fd 9, the lock, stays with us --------------------------
# the osd without tcmalloc keeps what it once allocated, unless:
export MALLOC_MMAP_THRESHOLD_=131072 MALLOC_TRIM_THRESHOLD_=1048576 MALLOC_ARENA_MAX=4
run_mon() { ceph-mon -c "$conf" -i a "$@" 9>&- </dev/null >>"$dir/log/start.log" 2>&1; }
run_osd() { ceph-osd -c "$conf" --no-mon-config -i 0 "$@" 9>&- </dev/null >>"$dir/log/start.log" 2>&1; }
run_gateway() { radosgw -c "$conf" --no-mon-config -n "client.rgw.$1" 9>&- </dev/null >>"$dir/log/start.log" 2>&1; }
admin() { # a|b command...
	local r=$1
	shift
	radosgw-admin -c "$conf" --no-mon-config -n "client.rgw.$r" --admin-socket= "$@" 9>&- </dev/null \
		2>>"$dir/log/admin-$r.log"
}
stop() {
	local pid i
	pid=$(cat "$dir/run/$1.pid")
	kill "$pid"
	for ((i = 0; i < 1500; i++)); do
		alive "$1" || { rm -f "$dir/run/$1.pid"; return 0; }
		sleep 0.02
	done
	die "$1 does not end"
}
make_region() (
	set -e
	r=$1 region=$2
	realm=$(admin "$r" realm create --rgw-realm="realm-$r" | sed -n 's/.*"id": "\(.*\)".*/\1/p')
	[ -n "$realm" ]
	sed -i "s/@REALM@/$realm/" "$dir/zone/zone-$r.json" "$dir/zone/zonegroup-$r.json"
	admin "$r" zonegroup set --rgw-zonegroup="$region" --infile "$dir/zone/zonegroup-$r.json" >/dev/null
	admin "$r" zone set --rgw-zone="zone-$r" --infile "$dir/zone/zone-$r.json" >/dev/null
	admin "$r" period update --commit >/dev/null
	admin "$r" user create --uid=test --display-name=test \
		--access-key="AKIATEST000000000$r$r$r" --secret-key="secret-of-test-in-region-$r" >/dev/null
	admin "$r" user create --uid=other --display-name=other \
		--access-key="AKIAOTHER00000000$r$r$r" --secret-key="secret-of-other-in-region-$r" >/dev/null
)

if [ -z "$warm" ]; then
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=127.0.0.1 \
		-keyout "$dir/tls/key.pem" -out "$dir/tls/cert.pem" -addext \
		'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:s3-a.localhost,DNS:*.s3-a.localhost,DNS:s3-b.localhost,DNS:*.s3-b.localhost' \
		2>>"$dir/log/start.log"
	monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$port/0]" "$dir/monmap" >/dev/null
	run_mon --mkfs --monmap "$dir/monmap"
	run_mon
	osd_uuid=$(cat /proc/sys/kernel/random/uuid)
	# the ceph command costs a second for each call: one librados client does all of it
	$python - "$conf" "$osd_uuid" 9>&- <<-'END'
		import json, rados, sys
		cluster = rados.Rados(conffile=sys.argv[1], name='client.admin')
		cluster.connect(timeout=20)
		def command(**words):
		    status, out, err = cluster.mon_command(json.dumps(words), b'', timeout=20)
		    if status:
		        sys.exit('rgw: %s: %d %s' % (words, status, err))
		command(prefix='osd new', uuid=sys.argv[2], id=0)
		pools = [('.rgw.root', 1)]
		for region in 'ab':
		    pools += [(region + '.meta', 2), (region + '.index', 2), (region + '.data', 4)]
		for pool, groups in pools:
		    command(prefix='osd pool create', pool=pool, pg_num=groups, pgp_num=groups)
		    command(prefix='osd pool application enable', pool=pool, app='rgw')
		cluster.shutdown()
	END
	run_osd --mkfs --osd-uuid "$osd_uuid"
	run_osd
	say "mon, pools and osd"
	make_region a us-east-1 &
	first=$!
	make_region b eu-west-1 &
	second=$!
	wait $first
	wait $second
	stop osd.0
	stop mon.a
	cp -a --sparse=always "$dir/mon" "$dir/osd" "$dir/template/"
	echo "$fsid" >"$dir/template/fsid"
	echo "$tag" >"$dir/template/tag"
	say "regions made, template kept"
else
	rmdir "$dir/mon" "$dir/osd"
	cp -a --sparse=always "$dir/template/mon" "$dir/template/osd" "$dir/"
fi
run_mon
run_osd
run_gateway a &
first=$!
run_gateway b &
second=$!
wait $first || true
wait $second || true
end=$((SECONDS + 90))
until all_alive; do
	[ $SECONDS -lt $end ] || die "no answer (is a port from $port on taken?)"
	sleep 0.05
done

for r in a b; do
	case $r in a) http=$((port + 1)) region=us-east-1 ;; b) http=$((port + 3)) region=eu-west-1 ;; esac
	R=${r^}
	cat <<-END
		S3_${R}_ENDPOINT=http://127.0.0.1:$http
		S3_${R}_TLS=https://127.0.0.1:$((http + 1))
		S3_${R}_REGION=$region
		S3_${R}_KEY=AKIATEST000000000$r$r$r
		S3_${R}_SECRET=secret-of-test-in-region-$r
		S3_${R}_KEY2=AKIAOTHER00000000$r$r$r
		S3_${R}_SECRET2=secret-of-other-in-region-$r
		S3_${R}_LOG=$dir/log/client.rgw.$r.log
	END
done >"$dir/env.new"
echo "S3_CA=$dir/tls/cert.pem" >>"$dir/env.new"
mv "$dir/env.new" "$dir/env"
say "up"
cat "$dir/env"
