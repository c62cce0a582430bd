#!/bin/bash
# crrctl verify --repair leaves a key alone that was written while it looked: what it sends again would end above that.
# servers: s3d
. "$(dirname "$0")/lib.sh"
begin
make_rules all
mount_crrfs order_check=0
history_is() { # a|b TEXT...: of k, oldest first
	local side=$1
	shift
	assert_eq "$(s3 history "$side" k | cut -f2)" "$(printf '%s\\n\n' "$@")" "the history at $side"
}
verify() { # 2: something is wrong
	local status=0
	ctl verify "$@" "$MNT" >"$T/said" 2>"$T/words" || status=$?
	echo "$status" >"$T/status"
}
for i in 1 2; do
	echo $i >"$MNT/k"
	wait_repl
done
s3 rm b k "$(s3 version-id b k)"

say "written while verify asks for a version that it has listed"
fault a 'op=HeadObject key=k count=1 action=stall'
verify --repair &
verifying=$!
stalls() { s3d_admin a faults GET && ! grep -q 'count=1' "$T/s3d.out"; }
retry_until "$LONG" stalls
echo 3 >"$MNT/k"
retry_until "$LONG" replicated "$MNT/k"
no_faults a
wait $verifying
assert_eq "$(cat "$T/status")" 2
grep -q '^crrctl: k changed meanwhile; run verify again' "$T/words" || fail "it says: $(cat "$T/words")"
assert_match "$(tail -n1 "$T/said")" ' 0 queued, 1 changed' summary
wait_repl
history_is b 1 3

say "again, when all is quiet"
verify --repair
assert_match "$(tail -n1 "$T/said")" ' 2 queued' summary
wait_repl
history_is a 1 2 3
history_is b 1 3 2 3
