#!/bin/sh
# Makes what the processes of a cluster know each other by: an authority (ca.pem) and one certificate (node.pem, node.key)
# for all of them, in the folder that is given. Nothing is done where they are already. Who has node.key can run anything
# on the cluster's machines: copy it by safe ways only. The authority's own key is not kept.
set -eu
folder=${1:?"usage: certificates.sh FOLDER"}
days=3650
if [ -s "$folder/node.pem" ]; then
    echo "$folder has certificates already"
    exit
fi
umask 077
mkdir -p "$folder"
new=$(mktemp -d)
trap 'rm -rf "$new"' EXIT
cat >"$new/config" <<'END'
[req]
prompt = no
distinguished_name = name
[name]
CN = scaleshape
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[node]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END
quietly() {
    "$@" 2>"$new/said" || { cat "$new/said" >&2; return 1; }
}
quietly openssl req -config "$new/config" -x509 -extensions authority -newkey rsa:3072 -nodes -sha256 -days "$days" \
    -keyout "$new/ca.key" -out "$new/ca.pem"
quietly openssl req -config "$new/config" -newkey rsa:3072 -nodes -sha256 -subj "/CN=scaleshape node" \
    -keyout "$new/node.key" -out "$new/node.csr"
quietly openssl x509 -req -in "$new/node.csr" -CA "$new/ca.pem" -CAkey "$new/ca.key" -CAcreateserial -sha256 \
    -days "$days" -extfile "$new/config" -extensions node -out "$new/node.pem"
for file in ca.pem node.key node.pem; do # the certificate last: it says that all is there
    mv "$new/$file" "$folder/$file"
done
echo "made $folder/ca.pem, node.pem and node.key"
