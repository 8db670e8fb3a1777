// Certificates for tests, made by Tests/certificates.sh in a folder of their own, once for all
// tests.

import Foundation
import WAMPTransport

/// An authority and what it signed, and others: the script says who is who.
struct Certificates {
    let folder: String

    static let shared = Swift.Result { try Certificates() }

    private init() throws {
        folder = NSTemporaryDirectory() + "/wampctl-certificates-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("certificates.sh")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [script.path, folder]
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
