#!/usr/bin/env bash
# Lab 03's outcomes as people write them in bash: kubectl apply, kubectl wait, curl in loops.
# Usage: usual_bash.sh MANIFESTS HTTPS_PORT   (KUBECONFIG says which cluster)
set -euo pipefail
manifests=$1 port=$2 ns=lab-03 host=web.localhost
k() { kubectl -n "$ns" "$@"; }
say() { echo "ok - $*"; }
try() { # until a command succeeds, once a second, for a minute
  for _ in $(seq 60); do "$@" && return; sleep 1; done
  echo "not ok - $*" >&2; exit 1
}

inside() {
  names=$(kubectl -n kl-probe exec mouth-0 -- curl -sf --max-time 2 -H 'Connection: close' -w '\n' "http://web.$ns.svc.cluster.local/hostname?[1-10]") || return 1
  [ "$(wc -l <<<"$names")" -eq 10 ] && [ "$(sort -u <<<"$names" | wc -l)" -eq 2 ]
}
outside() {
  names=$(for _ in $(seq 20); do curl -sfk --max-time 5 --resolve "$host:$port:127.0.0.1" "https://$host:$port/hostname" || return 1; echo; done)
  [ "$(sort -u <<<"$names" | wc -l)" -eq 2 ]
}
served() {
  curl -sf --max-time 5 --cacert "$work/ca.crt" --resolve "$host:$port:127.0.0.1" "https://$host:$port/hostname" >/dev/null || return 1
  own=$(k get secret web-tls -o jsonpath='{.data.tls\.crt}' | base64 -d | openssl x509 -noout -serial)
  now=$(openssl s_client -connect "127.0.0.1:$port" -servername "$host" </dev/null 2>/dev/null | openssl x509 -noout -serial)
  [ "$own" = "$now" ]
}
refused() {
  [ "$(curl -sk --max-time 5 -o /dev/null -w '%{http_code}' --resolve "other.localhost:$port:127.0.0.1" "https://other.localhost:$port/")" = 404 ]
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
k apply -f "$manifests" >/dev/null
k wait --for=condition=Available deployment/web --timeout=60s >/dev/null
[ "$(k get deployment web -o jsonpath='{.status.readyReplicas}')" = 2 ]
say "two Pods are ready"
try inside; say "the Service answers inside the cluster"
try outside; say "both Pods answer over HTTPS"
k wait --for=create certificate/web-tls --timeout=60s >/dev/null
k wait --for=condition=Ready certificate/web-tls --timeout=60s >/dev/null
say "the certificate is issued"
kubectl -n cert-manager get secret lab-ca -o jsonpath='{.data.tls\.crt}' | base64 -d >"$work/ca.crt"
try served; say "it is served, and verified"
try refused; say "another host is refused"
