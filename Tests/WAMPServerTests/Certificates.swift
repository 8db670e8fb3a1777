// Certificates for tests, made by openssl in a folder of their own, once for all tests.

import Foundation
import WAMPTransport

/// An authority and what it signed. Keys are on P-256, and good for ten years but for `expired`.
struct Certificates {
    let folder: String

    static let shared = Swift.Result { try Certificates() }

    private init() throws {
        folder = NSTemporaryDirectory() + "/wampctl-certificates-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let script = """
            set -e
            key="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
            openssl req -x509 $key -subj "/CN=Test CA" -days 3650 -keyout ca.key -out ca.pem \
              -addext basicConstraints=critical,CA:TRUE
            issue() {
                openssl req $key -subj "/O=Test/CN=$2" -keyout $1.key -out $1.csr
                echo "subjectAltName=$3" >$1.ext
                openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days $4 \
                  -extfile $1.ext -out $1.pem
            }
            issue server localhost DNS:localhost,IP:127.0.0.1 3650
            issue second localhost DNS:localhost,IP:127.0.0.1 3650
            issue other elsewhere.example DNS:elsewhere.example 3650
            issue expired localhost DNS:localhost,IP:127.0.0.1 -1
            issue client alice DNS:alice 3650
            openssl req -x509 $key -subj "/CN=mallory" -days 3650 -keyout stranger.key \
              -out stranger.pem
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script]
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw CocoaError(.fileWriteUnknown) }
    }

    func path(_ name: String) -> String { "\(folder)/\(name)" }

    func server(_ name: String = "server", clientCA: Bool = false) -> ServerTLS {
        ServerTLS(
            certificate: path("\(name).pem"), key: path("\(name).key"),
            clientCA: clientCA ? path("ca.pem") : nil)
    }

    /// A client that trusts the authority, perhaps with a certificate of its own.
    func client(_ name: String? = nil) -> ClientTLS {
        ClientTLS(
            ca: path("ca.pem"), certificate: name.map { path("\($0).pem") },
            key: name.map { path("\($0).key") })
    }

    /// Puts one certificate and its key in the place of others.
    func copy(_ name: String, to other: String) throws {
        for ending in ["pem", "key"] {
            let data = try Data(contentsOf: URL(fileURLWithPath: path("\(name).\(ending)")))
            try data.write(to: URL(fileURLWithPath: path("\(other).\(ending)")))
        }
    }
}
