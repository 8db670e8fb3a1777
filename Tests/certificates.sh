#!/bin/sh
# Makes the certificates that the tests of TLS use, in the folder that is named: an authority and
# what it signed, and what others did. Keys are on P-256; all are good for ten years but `expired`
# and `late`, which were until yesterday.
set -eu
cd "$1"
key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"

# authority NAME SUBJECT
authority() {
    openssl req -x509 $key -subj "/CN=$2" -days 3650 -keyout "$1.key" -out "$1.pem" \
        -addext basicConstraints=critical,CA:TRUE
}

# issue NAME COMMON-NAME ALTERNATIVE-NAMES DAYS [AUTHORITY [USAGE]]
issue() {
    openssl req $key -subj "/O=Test/CN=$2" -keyout "$1.key" -out "$1.csr"
    echo "subjectAltName=$3" >"$1.ext"
    if [ $# -gt 5 ]; then echo "extendedKeyUsage=$6" >>"$1.ext"; fi
    openssl x509 -req -in "$1.csr" -CA "${5-ca}.pem" -CAkey "${5-ca}.key" -CAcreateserial \
        -days "$4" -extfile "$1.ext" -out "$1.pem"
}

authority ca "Test CA"
issue server localhost DNS:localhost,IP:127.0.0.1 3650
issue second localhost DNS:localhost,IP:127.0.0.1 3650
issue other elsewhere.example DNS:elsewhere.example 3650
issue expired localhost DNS:localhost,IP:127.0.0.1 -1

# For clients: of a user, of nobody who is known, out of date, and not meant for clients.
issue client alice DNS:alice 3650
issue nobody nobody DNS:nobody 3650
issue late alice DNS:alice -1
issue machine alice DNS:alice 3650 ca serverAuth

# What another authority signed, and nobody but itself.
authority foreign "Another CA"
issue impostor alice DNS:alice 3650 foreign
authority stranger mallory
