// WAMP-SCRAM: both sides prove that they know a password, which is neither sent nor kept.

/// What a router keeps of a password.
package struct SCRAMVerifier: Hashable, Sendable {
    package enum Derivation: String, Sendable, CaseIterable {
        case pbkdf2, argon2id13
    }

    package var derivation: Derivation
    package var salt: [UInt8]
    package var iterations: Int
    /// In KiB; `argon2id13` only.
    package var memory: Int?
    /// SHA-256 values, 32 bytes each.
    package var storedKey: [UInt8]
    package var serverKey: [UInt8]

    package init(
        derivation: Derivation, salt: [UInt8], iterations: Int, memory: Int? = nil,
        storedKey: [UInt8], serverKey: [UInt8]
    ) {
        self.derivation = derivation
        self.salt = salt
        self.iterations = iterations
        self.memory = memory
        self.storedKey = storedKey
        self.serverKey = serverKey
    }
}

extension SCRAMVerifier {
    /// Reads `kdf`, `salt`, `iterations`, `memory`, `stored_key` and `server_key`, with bytes in
    /// base64: how a file and an authenticator's result write it.
    /// - Returns: nil if something is missing or wrong.
    package init?(fields: Value.Dictionary) {
        func bytes(_ key: String) -> [UInt8]? { fields[key]?.string.flatMap { Base64.decode($0) } }
        guard let derivation = fields["kdf"]?.string.flatMap(Derivation.init(rawValue:)),
            let salt = bytes("salt"), !salt.isEmpty,
            let iterations = fields["iterations"]?.unsigned.flatMap(Int.init(exactly:)),
            iterations > 0, let storedKey = bytes("stored_key"), storedKey.count == 32,
            let serverKey = bytes("server_key"), serverKey.count == 32
        else { return nil }
        let memory = fields["memory"]?.unsigned.flatMap(Int.init(exactly:))
        guard derivation == .pbkdf2 || memory != nil else { return nil }
        self.init(
            derivation: derivation, salt: salt, iterations: iterations,
            memory: derivation == .pbkdf2 ? nil : memory, storedKey: storedKey,
            serverKey: serverKey)
    }

    /// The same, to be written.
    package var fields: Value.Dictionary {
        [
            "kdf": .string(derivation.rawValue), "salt": .string(Base64.text(salt)),
            "iterations": .int(Int64(iterations)),
            "memory": memory.map { .int(Int64($0)) } ?? .null,
            "stored_key": .string(Base64.text(storedKey)),
            "server_key": .string(Base64.text(serverKey)),
        ]
    }

    /// The verifier of a password. Slow.
    /// - Returns: nil if the password has characters that none may have, or the numbers are out of
    ///   range.
    package init?(
        password: String, derivation: Derivation, salt: [UInt8], iterations: Int, memory: Int?
    ) {
        guard
            let keys = SCRAM.Keys(
                password: password, derivation: derivation, salt: salt, iterations: iterations,
                memory: memory)
        else { return nil }
        self.init(
            derivation: derivation, salt: salt, iterations: iterations, memory: memory,
            storedKey: Secret.hash(keys.clientKey), serverKey: keys.serverKey)
    }
}

/// Spec: Advanced Profile, Salted Challenge Response Authentication; RFC 5802, RFC 7677.
package enum SCRAM {
    /// What follows from a password.
    package struct Keys {
        package let clientKey: [UInt8]
        package let serverKey: [UInt8]

        /// Slow.
        /// - Returns: nil as `SCRAMVerifier.init(password:…)` does.
        package init?(
            password: String, derivation: SCRAMVerifier.Derivation, salt: [UInt8],
            iterations: Int, memory: Int?
        ) {
            guard
                let salted = SCRAM.saltedPassword(
                    password, derivation: derivation, salt: salt, iterations: iterations,
                    memory: memory)
            else { return nil }
            clientKey = Secret.hmac(salted, Array("Client Key".utf8))
            serverKey = Secret.hmac(salted, Array("Server Key".utf8))
        }
    }

    /// 32 bytes.
    static func saltedPassword(
        _ password: String, derivation: SCRAMVerifier.Derivation, salt: [UInt8], iterations: Int,
        memory: Int?
    ) -> [UInt8]? {
        guard let prepared = SASLprep.prepared(password) else { return nil }
        let password = Array(prepared.utf8)
        switch derivation {
        case .pbkdf2:
            return KeyDerivation.pbkdf2(password, salt: salt, iterations: iterations)
        case .argon2id13:
            return KeyDerivation.argon2id(
                password, salt: salt, iterations: iterations, memory: memory ?? 0)
        }
    }

    /// What both sides have said, in the form that is signed.
    package struct Exchange: Equatable, Sendable {
        package var authid: String
        package var clientNonce: String
        /// The client's nonce with the router's behind it.
        package var nonce: String
        package var salt: [UInt8]
        package var iterations: Int
        /// The name of the channel binding and what it binds to; nil = none.
        package var binding: (name: String, data: [UInt8])?

        package init(
            authid: String, clientNonce: String, nonce: String, salt: [UInt8], iterations: Int,
            binding: (name: String, data: [UInt8])? = nil
        ) {
            self.authid = authid
            self.clientNonce = clientNonce
            self.nonce = nonce
            self.salt = salt
            self.iterations = iterations
            self.binding = binding
        }

        package static func == (left: Exchange, right: Exchange) -> Bool {
            left.message == right.message
        }

        /// AuthMessage of RFC 5802.
        private var message: [UInt8] {
            let name = authid.replacing("=", with: "=3D").replacing(",", with: "=2C")
            let header = (binding.map { "p=\($0.name)" } ?? "n") + ",,"
            let bound = Base64.text(Array(header.utf8) + (binding?.data ?? []))
            return Array(
                ("n=\(name),r=\(clientNonce)"
                    + ",r=\(nonce),s=\(Base64.text(salt)),i=\(iterations)"
                    + ",c=\(bound),r=\(nonce)").utf8)
        }

        /// What the client sends as its signature, before base64.
        package func proof(_ clientKey: [UInt8]) -> [UInt8] {
            Secret.xor(clientKey, Secret.hmac(Secret.hash(clientKey), message))
        }

        /// Whether the proof comes from someone who knows the password.
        package func isValid(_ proof: [UInt8], storedKey: [UInt8]) -> Bool {
            let signature = Secret.hmac(storedKey, message)
            // A proof that was cut short gives no key, which has all 32 bytes.
            return Secret.isSame(Secret.hash(Secret.xor(proof, signature)), as: storedKey)
                && proof.count == signature.count
        }

        /// What the router sends back, before base64.
        package func serverSignature(_ serverKey: [UInt8]) -> [UInt8] {
            Secret.hmac(serverKey, message)
        }
    }

    /// The router's signature out of `WELCOME.Details.authextra.verifier`: base64, with or without
    /// RFC 5802's `v=` before it.
    package static func serverSignature(_ verifier: String) -> [UInt8]? {
        Base64.decode(verifier.hasPrefix("v=") ? String(verifier.dropFirst(2)) : verifier)
    }
}
