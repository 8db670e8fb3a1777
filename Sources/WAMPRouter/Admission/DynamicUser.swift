// What the authenticator of a realm says of a user: a role, or a dictionary with what the method
// needs.

import WAMP

struct DynamicUser {
    let principal: Principal
    /// For `WELCOME.Details.authextra`.
    let extra: Value.Dictionary?

    /// - Parameter authid: as the user called itself.
    /// - Returns: nil if something that the method needs is missing or wrong.
    init?(_ result: Value?, for method: AuthenticationMethod, authid: String?) {
        let fields: Value.Dictionary
        switch result {
        case .string(let role)?: fields = ["role": .string(role)]
        case .dictionary(let dictionary)?: fields = dictionary
        default: return nil
        }
        guard let role = fields["role"]?.string, !role.isEmpty,
            let credential = DynamicUser.credential(fields, for: method)
        else { return nil }
        let key = fields["pubkey"]?.string.map { $0.lowercased() }
        guard let authid = fields["authid"]?.string ?? authid ?? key, !authid.isEmpty,
            max(authid.utf8.count, role.utf8.count) <= Limits.nameLength
        else { return nil }
        principal = Principal(authid: authid, role: role, credentials: credential)
        extra = fields["extra"]?.dictionary
    }

    private static func credential(
        _ fields: Value.Dictionary, for method: AuthenticationMethod
    ) -> [Credential]? {
        switch method {
        case .ticket: return []
        case .wampcra:
            guard let secret = fields["secret"]?.string else { return nil }
            guard let salt = fields["salt"]?.string else {
                return [.wampcra(secret: secret, salt: nil)]
            }
            let iterations = fields["iterations"].map { $0.unsigned.flatMap(Int.init(exactly:)) }
            let length = fields["keylen"].map { $0.unsigned.flatMap(Int.init(exactly:)) }
            guard let iterations = iterations ?? 1000, let length = length ?? 32 else { return nil }
            return [
                .wampcra(
                    secret: secret,
                    salt: CRASalt(salt: salt, iterations: iterations, keyLength: length))
            ]
        case .cryptosign:
            guard let key = fields["pubkey"]?.string.flatMap({ HexText.decode($0, count: 32) })
            else {
                return nil
            }
            return [.cryptosign(publicKeys: [key])]
        case .scram:
            return SCRAMVerifier(fields: fields).map { [.scram($0)] }
        case .anonymous, .tls: return nil
        }
    }

    /// Whether an error says that there is no working authenticator, rather than what it thinks.
    static func meansAbsence(_ error: ErrorURI) -> Bool {
        switch error {
        case .noSuchProcedure, .noAvailableCallee, .unavailable, .canceled, .timeout,
            .networkFailure, .invalidURI, .payloadSizeExceeded, .invalidPayload:
            true
        default: false
        }
    }
}
