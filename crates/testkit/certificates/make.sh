#!/bin/sh
# Creates the certificates of the tests: a private authority and a server certificate for reserved names (RFC 2606). Only tests
# trust them and they protect nothing; they are valid for a hundred years, so that no test breaks when they expire.
set -eu
cd "$(dirname "$0")"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500 -subj "/CN=Whaledeck test authority" \
  -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" -keyout authority.key -out authority.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=cloud.example" -keyout server.key -out server.csr
printf 'subjectAltName=DNS:cloud.example,DNS:hub.example\nextendedKeyUsage=serverAuth\n' > server.ext
openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 36500 -extfile server.ext -out server.pem
rm -f authority.key authority.srl server.csr server.ext
