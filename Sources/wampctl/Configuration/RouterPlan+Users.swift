// The users of a realm in `router.yaml`. Secrets stand in files of their own, never in this one.

import WAMP
import WAMPRouter
import WAMPServer

extension RouterPlan {
    mutating func readUsers(
        _ value: FileValue?, roles: [Name: RolePermissions]?,
        into realm: inout RealmConfiguration
    ) {
        var places: [Name: Int] = [:]
        for entry in value?.list() ?? [] {
            guard let section = entry.section() else { continue }
            let name = section.required("authid")
            let authid = name?.string()
            if let name, let authid {
                if let line = places[Name(authid)] {
                    name.fail("the user '\(authid)' is there already, in line \(line)")
                }
                places[Name(authid)] = name.line
            }
            let roleValue = section.required("role")
            let role = roleValue?.string()
            roleValue?.check(isRole: role, of: roles)
            var source: [(String, Value)] = []
            let credentials = readCredentials(section, &source)
            section.finish()
            guard let authid, let role else { continue }
            realm.principals.users.append(
                Principal(authid: authid, role: role, credentials: credentials))
            source.insert(
                contentsOf: [("authid", .string(authid)), ("role", .string(role))], at: 0)
            userEntries[Name(realm.name), default: []].append(YAMLText.flow(source))
        }
    }

    private func readCredentials(
        _ section: FileSection, _ source: inout [(String, Value)]
    ) -> [Credential] {
        var credentials: [Credential] = []
        var hasAny = false
        if let value = section["cryptosign"] {
            hasAny = true
            let keys = readKeys(value)
            if !keys.isEmpty { credentials.append(.cryptosign(publicKeys: keys)) }
            source.append(("cryptosign", .list(keys.map { .string(HexText.text($0)) })))
        }
        if let value = section["wampcra_file"] {
            hasAny = true
            let salt = readSalt(section, &source)
            if let (path, text) = value.secret() {
                credentials.append(.wampcra(secret: text, salt: salt))
                source.append(("wampcra_file", .string(File.absolute(path))))
            }
        }
        if let value = section["ticket_file"] {
            hasAny = true
            if let (path, text) = value.secret() {
                credentials.append(.ticket(text))
                source.append(("ticket_file", .string(File.absolute(path))))
            }
        }
        if let value = section["scram_file"] {
            hasAny = true
            if let (path, text) = value.secret() {
                do throws(VerifierError) {
                    credentials.append(.scram(try Self.verifier(text)))
                } catch {
                    value.fail("'scram_file': '\(path)' \(error)")
                }
                source.append(("scram_file", .string(File.absolute(path))))
            }
        }
        if let value = section["tls"], let isOn = value.bool() {
            hasAny = hasAny || isOn
            if isOn { credentials.append(.tls) }
            source.append(("tls", .bool(isOn)))
        }
        // Named last, so that a wrong key is told of before.
        if !hasAny {
            section.value.fail(
                "the user has nothing to prove itself with: add cryptosign, wampcra_file, "
                    + "ticket_file, scram_file or 'tls: true'")
        }
        return credentials
    }

    private func readKeys(_ value: FileValue) -> [[UInt8]] {
        let entries = !value.isList ? [value] : value.list() ?? []
        if entries.isEmpty { value.fail("'cryptosign' is empty: list the user's public keys") }
        return entries.compactMap { entry in
            guard let text = entry.string() else { return nil }
            guard let key = HexText.decode(text, count: 32) else {
                entry.fail(
                    "a public key is 64 hexadecimal digits (in quotes, if all are 0 to 9), "
                        + "not \(text.count) characters such as these")
                return nil
            }
            return key
        }
    }

    /// Fewer are taken, since keys that were derived so cannot be derived anew without the
    /// password.
    private static let fewIterations = 1000

    private func readSalt(
        _ section: FileSection, _ source: inout [(String, Value)]
    ) -> CRASalt? {
        let salt = section["salt"]
        let iterations = section["iterations"], length = section["keylen"]
        guard let salt else {
            for value in [iterations, length] {
                value?.fail("'\(value?.key ?? "")' needs 'salt' beside it")
            }
            return nil
        }
        guard let text = salt.string() else { return nil }
        let count = iterations.map { $0.number(in: 1...100_000_000) } ?? 1000
        let bytes = length.map { $0.number(in: 16...512) } ?? 32
        guard let count, let bytes else { return nil }
        if count < Self.fewIterations {
            iterations?.warn(
                "fewer than \(Self.fewIterations) iterations make the password easy to guess; with "
                    + "the password at hand, derive the key anew with more")
        }
        source.append(("salt", .string(text)))
        source.append(("iterations", .int(Int64(count))))
        source.append(("keylen", .int(Int64(bytes))))
        return CRASalt(salt: text, iterations: count, keyLength: bytes)
    }

    /// What is wrong with a verifier, to be said behind the name of its file.
    struct VerifierError: Error, CustomStringConvertible {
        let description: String
    }

    /// The verifier of a password, as `wampctl keygen scram` writes it: one JSON object.
    static func verifier(_ text: String) throws(VerifierError) -> SCRAMVerifier {
        func failure(_ text: String) -> VerifierError {
            VerifierError(description: text + "; write it with 'wampctl keygen scram'")
        }
        guard let object = (try? JSONText.parse(text))?.dictionary else {
            throw failure("holds no JSON object")
        }
        let names = ["kdf", "salt", "iterations", "memory", "stored_key", "server_key"]
        for (key, _) in object.entries where !names.contains(key) {
            throw failure("has the unknown key '\(key)'")
        }
        guard
            let derivation = object["kdf"]?.string.flatMap(SCRAMVerifier.Derivation.init)
        else { throw failure("must have 'kdf': pbkdf2 or argon2id13") }
        guard case .int(let iterations)? = object["iterations"],
            (1...Int64(Int32.max)) ~= iterations
        else { throw failure("must have 'iterations', a number from 1") }
        var memory: Int?
        if derivation == .argon2id13 {
            guard case .int(let kibibytes)? = object["memory"], (8...(1 << 22)) ~= kibibytes else {
                throw failure("must have 'memory', in KiB from 8 to \(1 << 22)")
            }
            memory = Int(kibibytes)
        }
        func bytes(_ key: String) -> [UInt8]? {
            object[key]?.string.flatMap { Base64.decode($0) }
        }
        guard let salt = bytes("salt"), !salt.isEmpty else {
            throw failure("must have 'salt' in base64")
        }
        guard let stored = bytes("stored_key"), stored.count == 32,
            let server = bytes("server_key"), server.count == 32
        else { throw failure("must have 'stored_key' and 'server_key', 32 bytes each in base64") }
        return SCRAMVerifier(
            derivation: derivation, salt: salt, iterations: Int(iterations), memory: memory,
            storedKey: stored, serverKey: server)
    }
}

extension FileValue {
    /// The path and the content of a file with a secret, without the line's end.
    fileprivate func secret() -> (path: String, text: String)? {
        guard let path = path() else { return nil }
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try File.contents(path)
        } catch {
            fail("'\(key)': \(error)")
            return nil
        }
        if let fault = File.fault(ofSecret: path) { warn(fault) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            fail("'\(key)': '\(path)' is not UTF-8")
            return nil
        }
        let secret = String(text.prefix { $0 != "\n" && $0 != "\r\n" })
        guard !secret.isEmpty else {
            fail("'\(key)': '\(path)' is empty; the secret is its first line")
            return nil
        }
        return (path, secret)
    }
}
