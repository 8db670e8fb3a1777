// The file with the line over it: what an option says wins.

import WAMP
import WAMPRouter
import WAMPServer
import WAMPTransport

/// Why there is no plan: what is wrong with the file, or with the line.
struct PlanFailure: Error {
    /// Of the file, as they stand there, with warnings among them.
    var problems: [FileProblem] = []
    private var line: CommandFailure?

    init(_ failure: CommandFailure) { line = failure }

    init(_ problems: [FileProblem]) { self.problems = problems }

    /// The failure to report.
    /// - Parameter listed: the problems have been told one by one.
    func failure(listed: Bool) -> CommandFailure {
        if let line { return line }
        let errors = problems.filter { !$0.isWarning }
        guard listed else {
            return CommandFailure(.usage, errors.map(\.description).joined(separator: "; "))
        }
        let count = errors.count == 1 ? "an error" : "\(errors.count) errors"
        return CommandFailure(.usage, "'\(errors.first?.file ?? "")' has \(count)")
    }
}

extension RouterPlan {
    /// Reads the file that the line names, if any, and takes over what the line says.
    init(for command: RouterCommand) throws(PlanFailure) {
        self.init()
        if let path = command.config {
            let reader = FileReader(path: path)
            self.init(reading: reader)
            if reader.hasErrors { throw PlanFailure(reader.problems) }
            warnings = reader.problems
        }
        do throws(CommandFailure) {
            try apply(command)
        } catch {
            throw PlanFailure(error)
        }
        if tls == nil, let unsecured { throw PlanFailure([unsecured]) }
        warnings += doubts(about: command)
    }

    private mutating func apply(_ command: RouterCommand) throws(CommandFailure) {
        if let certificate = command.tlsCert, let key = command.tlsKey {
            for file in [certificate, key] { try Self.checkReadable(file) }
            tls = ServerTLS(certificate: certificate, key: key, clientCA: tls?.clientCA)
        }
        try applyListeners(command)
        if !command.realm.isEmpty {
            let known = realms
            realms = command.realm.reduce(into: []) { realms, name in
                if realms.contains(where: { Name.isSame($0.name, name) }) { return }
                realms.append(
                    known.first { Name.isSame($0.name, name) } ?? RealmConfiguration(name: name))
            }
            warnOfRealms(unlike: known, command)
        }
        if realms.isEmpty { realms = [RealmConfiguration(name: "realm1")] }
        if command.autoRealms { createsRealms = true }
        apply(command, to: &newRealm)
        for index in realms.indices { apply(command, to: &realms[index]) }
        set(&limits.messageSize, command.maxMessage)
        set(&limits.outboundQueue, command.outboundQueue)
        set(&keepalive, command.keepalive)
        set(&log.level, command.logLevel)
        set(&log.format, command.logFormat)
        set(&log.file, command.logFile)
        set(&pidFile, command.pidFile)
        set(&drainTimeout, command.drainTimeout)
        if let count = command.threads {
            threads = if case .exactly(let number) = count { number } else { nil }
        }
        seed = command.seed
    }

    private mutating func applyListeners(_ command: RouterCommand) throws(CommandFailure) {
        if !command.listen.isEmpty {
            listeners = []
            listenerSettings = [:]
            unsecured = nil
            for url in command.listen {
                let listener = try Endpoint.written(url)
                if let fault = contradiction(of: listener) { throw CommandFailure(.usage, fault) }
                listeners.append(listener)
            }
        } else if listeners.isEmpty || command.port != nil || command.host != nil {
            if let file = command.config, !listeners.isEmpty {
                let option = command.port == nil ? "--host" : "--port"
                warnings.append(.ofLine("\(option) replaces the listeners of \(file)"))
            }
            var host = command.host ?? "127.0.0.1"
            if host.hasPrefix("["), host.hasSuffix("]") {
                host = String(host.dropFirst().dropLast())
            }
            let bracketed = host.contains(":") ? "[\(host)]" : host
            let scheme = tls == nil ? "ws" : "wss"
            unsecured = nil
            listenerSettings = [:]
            listeners = [
                try Endpoint.written("\(scheme)://\(bracketed):\(command.port ?? 8080)/ws")
            ]
        }
        // Who asks for TLS must not be left without it.
        if command.tlsCert != nil, !listeners.contains(where: \.isSecure) {
            throw CommandFailure(
                .usage,
                "--tls-cert and --tls-key have no effect: no listener begins with wss:// or tls://")
        }
        if tls == nil, unsecured == nil, let listener = listeners.first(where: \.isSecure) {
            throw CommandFailure(
                .usage,
                "\(listener) needs a certificate: --tls-cert and --tls-key")
        }
    }

    /// A realm that the file does not have is open to everybody, which a slip of the pen or a
    /// variable of the environment should not hide.
    private mutating func warnOfRealms(
        unlike known: [RealmConfiguration], _ command: RouterCommand
    ) {
        guard let file = command.config, !known.isEmpty, !command.noAnonymous else { return }
        for realm in realms where !known.contains(where: { Name.isSame($0.name, realm.name) }) {
            warnings.append(
                FileProblem(
                    file: file,
                    text: "--realm '\(realm.name)' is not among its realms: whoever asks is let in",
                    isWarning: true))
        }
    }

    private static func checkReadable(_ path: String) throws(CommandFailure) {
        do throws(FileError) {
            _ = try File.contents(path)
        } catch {
            throw CommandFailure(.usage, error.description)
        }
    }

    private func apply(_ command: RouterCommand, to realm: inout RealmConfiguration) {
        if command.noAnonymous { realm.principals.anonymousRole = nil }
        if command.noDiscloseCallee { realm.settings.disclosesCallee = false }
    }
}
