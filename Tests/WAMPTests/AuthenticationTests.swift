// The arithmetic of the methods against known values: protocol.md §10.

import NIOCore
import Testing

@testable import WAMP

@Suite("Authentication") struct AuthenticationTests {
    // MARK: WAMP-CRA

    private static let challenge =
        #"{"authid":"peter","authrole":"user","authmethod":"wampcra","authprovider":"static","#
        + #""nonce":"bm9uY2UtMTIzNDU2Nzg5MA==","timestamp":"2026-01-01T00:00:00.000Z","#
        + #""session":3251278072152162}"#

    @Test("WAMP-CRA signs as §10 says, plain and salted")
    func cra() {
        let plain = CRA.key(secret: "secret", salt: nil) ?? ""
        #expect(plain == "secret")
        #expect(
            CRA.signature(of: Self.challenge, key: plain)
                == "xn+H+UTQY2BAGAOPWsKaESdkuzm8iABJgkFB4DG+Els=")
        let salted = CRA.key(secret: "secret", salt: CRASalt(salt: "salt123")) ?? ""
        #expect(salted == "MDS8Yxpu4J/vkHJ8dNEgqECYsI0uRDh2oZ5eN0vYPvo=")
        let signature = "59NmguIH3MJrO0KT3Y7AUrR/5FREUpi4GlY0xtU5knc="
        #expect(CRA.signature(of: Self.challenge, key: salted) == signature)
        #expect(CRA.isValid(signature, of: Self.challenge, key: salted))
        #expect(!CRA.isValid(signature, of: Self.challenge, key: plain))
        #expect(!CRA.isValid(String(signature.dropLast(4)), of: Self.challenge, key: salted))
        #expect(!CRA.isValid("", of: Self.challenge, key: salted))
    }

    @Test("The router's challenge is the JSON text of §10, with the session's id in it")
    func craChallenge() {
        let text = CRA.challenge(
            authid: "peter", authrole: "user", authprovider: "static",
            nonce: Array("nonce-1234567890".utf8), unixMilliseconds: 1_767_225_600_000,
            session: SessionID(3_251_278_072_152_162))
        #expect(text == Self.challenge)
    }

    @Test(
        "WAMP-CRA's challenge fits in a message of 512 bytes, whatever characters the names have",
        arguments: ["n", "\u{301}", "🙂", "\"", "\\", "\u{1}"])
    func longNames(_ character: String) throws {
        let name = "e" + String(repeating: character, count: 1000)
        let text = CRA.challenge(
            authid: name, authrole: name, authprovider: "static",
            nonce: [UInt8](repeating: 255, count: 32), unixMilliseconds: 1_767_225_600_000,
            session: SessionID(1 << 53))
        let message = Message.challenge(
            Challenge(
                method: "wampcra",
                extra: [
                    "challenge": .string(text), "salt": .string(String(repeating: "s", count: 16)),
                    "keylen": 32, "iterations": 1_000_000,
                ]))
        for serializer in Serializer.allCases {
            let bytes = try MessageCoder.encode(message, as: serializer)
            #expect(bytes.readableBytes <= 512, "\(serializer)")
        }
        #expect(text.utf8.starts(with: #"{"authid":"e"#.utf8))
    }

    @Test("A challenge that asks for endless work is not answered")
    func bounds() {
        #expect(CRA.key(secret: "a", salt: CRASalt(salt: "b", iterations: 1 << 40)) == nil)
        #expect(CRA.key(secret: "a", salt: CRASalt(salt: "b", keyLength: 1 << 40)) == nil)
        #expect(CRA.key(secret: "a", salt: CRASalt(salt: "b", iterations: 0)) == nil)
        let salt = [UInt8](repeating: 1, count: 16)
        #expect(KeyDerivation.argon2id([1], salt: salt, iterations: 1, memory: 1 << 30) == nil)
        #expect(KeyDerivation.argon2id([1], salt: [1], iterations: 1, memory: 64) == nil)
    }

    // MARK: Cryptosign

    private static let key =
        "4d57d97a68f555696620a6d849c0ce582568518d729eb753dc7c732de2804510"
    private static let publicKey =
        "1adfc8bfe1d35616e64dffbd900096f23b066f914c8c2ffbb66f6075b96e116d"
    private static let channelID =
        "62e935ae755f3d48f80d4d59f6121358c435722a67e859cc0caa8b539027f2ff"
    private static let challengeBytes = [UInt8](repeating: 0xFF, count: 32)

    @Test("Cryptosign signs as §10 says, bound to a channel and not")
    func cryptosign() throws {
        let key = try #require(HexText.decode(Self.key, count: 32))
        let publicKey = try #require(Cryptosign.publicKey(of: key))
        #expect(HexText.text(publicKey) == Self.publicKey)
        let free = Cryptosign.message(challenge: Self.challengeBytes, channelID: nil)
        let expected =
            "b32675b221f08593213737bef8240e7c15228b07028e19595294678c90d11c0c"
            + "ae80a357331bfc5cc9fb71081464e6e75013517c2cf067ad566a6b7b728e5d03"
            + String(repeating: "f", count: 64)
        #expect(Cryptosign.signature(of: free, privateKey: key) == expected)
        #expect(Cryptosign.isValid(expected, of: free, publicKey: publicKey))

        let bound = Cryptosign.message(
            challenge: Self.challengeBytes, channelID: HexText.decode(Self.channelID, count: 32))
        let boundSignature =
            "9b6f41540c9b95b4b7b281c3042fa9c54cef43c842d62ea3fd6030fcb66e70b3"
            + "e80d49d44c29d1635da9348d02ec93f3ed1ef227dfb59a07b580095c2b82f80f"
            + "9d16ca518aa0c2b707f2b2a609edeca73bca8dd59817a633f35574ac6fd80d00"
        #expect(Cryptosign.signature(of: bound, privateKey: key) == boundSignature)
        #expect(!Cryptosign.isValid(boundSignature, of: free, publicKey: publicKey))
        #expect(!Cryptosign.isValid(String(expected.dropLast(2)), of: free, publicKey: publicKey))
        #expect(!Cryptosign.isValid("", of: free, publicKey: publicKey))
        // The signature alone, without the message behind it.
        #expect(!Cryptosign.isValid(String(expected.prefix(128)), of: free, publicKey: publicKey))
    }

    @Test("Hexadecimal text is read in either case, and nothing else is")
    func hexText() {
        #expect(HexText.decode("00fFA9") == [0, 255, 0xA9])
        #expect(HexText.text([0, 255, 0xA9]) == "00ffa9")
        #expect(HexText.decode("0") == nil)
        #expect(HexText.decode("0g") == nil)
        #expect(HexText.decode("00", count: 2) == nil)
    }

    // MARK: WAMP-SCRAM

    private static let salt = "W22ZaJ0SNY7soEsUEjb6gQ=="

    @Test("WAMP-SCRAM proves as §10 says with pbkdf2 (RFC 7677)")
    func pbkdf2() throws {
        let salt = try #require(Base64.decode(Self.salt))
        let verifier = try #require(
            SCRAMVerifier(
                password: "pencil", derivation: .pbkdf2, salt: salt, iterations: 4096, memory: nil))
        let keys = try #require(
            SCRAM.Keys(
                password: "pencil", derivation: .pbkdf2, salt: salt, iterations: 4096, memory: nil))
        let nonce = "rOprNGfwEbeRWgbNEkqO"
        let exchange = SCRAM.Exchange(
            authid: "user", clientNonce: nonce, nonce: nonce + "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
            salt: salt, iterations: 4096)
        try check(
            exchange, keys, verifier, proof: "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            signature: "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    }

    @Test("WAMP-SCRAM proves as §10 says with argon2id13")
    func argon2() throws {
        let salt = try #require(Base64.decode(Self.salt))
        #expect(
            SCRAM.saltedPassword(
                "pencil", derivation: .argon2id13, salt: salt, iterations: 3, memory: 4096
            ).map(Base64.text) == "zJUqroBSWylW6ZS/zWPaiz8/r/X6zGFEghE7UbUP7Zg=")
        let verifier = try #require(
            SCRAMVerifier(
                password: "pencil", derivation: .argon2id13, salt: salt, iterations: 3,
                memory: 4096))
        let keys = try #require(
            SCRAM.Keys(
                password: "pencil", derivation: .argon2id13, salt: salt, iterations: 3,
                memory: 4096))
        let exchange = SCRAM.Exchange(
            authid: "user", clientNonce: "AAECAwQFBgcICQoLDA0ODw==",
            nonce: "AAECAwQFBgcICQoLDA0ODw==EBESExQVFhcYGRobHB0eHw==", salt: salt, iterations: 3)
        try check(
            exchange, keys, verifier, proof: "FMEKD4z+Cc5vXZqU5Ny+64zyVCchki6zeMBjhXpHy8s=",
            signature: "QQHwo4jlnzr3yZ2f04BHmxH5I5fsoae7Fmxvn4U7vbo=")
    }

    private func check(
        _ exchange: SCRAM.Exchange, _ keys: SCRAM.Keys, _ verifier: SCRAMVerifier, proof: String,
        signature: String
    ) throws {
        #expect(Base64.text(exchange.proof(keys.clientKey)) == proof)
        #expect(Base64.text(exchange.serverSignature(verifier.serverKey)) == signature)
        #expect(SCRAM.serverSignature("v=\(signature)").map(Base64.text) == signature)
        var bytes = try #require(Base64.decode(proof))
        #expect(exchange.isValid(bytes, storedKey: verifier.storedKey))
        #expect(!exchange.isValid(bytes.dropLast(), storedKey: verifier.storedKey))
        #expect(!exchange.isValid([], storedKey: verifier.storedKey))
        #expect(!exchange.isValid(bytes + [0], storedKey: verifier.storedKey))
        bytes[0] ^= 1
        #expect(!exchange.isValid(bytes, storedKey: verifier.storedKey))
    }

    @Test("A name with = and , is written so that no other name reads the same")
    func escaping() {
        func exchange(_ authid: String) -> SCRAM.Exchange {
            SCRAM.Exchange(
                authid: authid, clientNonce: "a", nonce: "ab", salt: [1], iterations: 1)
        }
        #expect(exchange("x,r=a") != exchange("x"))
        #expect(exchange("x=2C") != exchange("x,"))
    }

    @Test("A verifier is written and read back, and a damaged one is not")
    func verifierFields() {
        let verifier = SCRAMVerifier(
            derivation: .argon2id13, salt: [1, 2, 3], iterations: 3, memory: 4096,
            storedKey: [UInt8](repeating: 4, count: 32),
            serverKey: [UInt8](repeating: 5, count: 32))
        #expect(SCRAMVerifier(fields: verifier.fields) == verifier)
        for key in verifier.fields.keys {
            var fields = verifier.fields
            fields[key] = "!"
            #expect(SCRAMVerifier(fields: fields) == nil, "\(key)")
        }
    }

    @Test(
        "SASLprep maps what is no character, and refuses what none may have (RFC 4013)",
        arguments: [
            ("pencil", "pencil"), ("I\u{AD}X", "IX"), ("user", "user"), ("a\u{A0}b", "a b"),
            ("a\u{3000}b", "a b"), ("\u{7}", nil), ("a\nb", nil), ("\u{E000}", nil),
            ("\u{1FFFE}", nil), ("", ""),
        ] as [(String, String?)])
    func saslprep(password: String, prepared: String?) {
        #expect(SASLprep.prepared(password) == prepared)
    }
}
