// The exit codes: one table, frozen from 1.0, for the program, its help and its manual.

import WAMP

/// How a command ended, as the shell sees it.
enum ExitCode: Int32, CaseIterable {
    case ok = 0
    case failure = 1
    case usage = 2
    case connect = 3
    case joinRefused = 4
    case notAuthorized = 5
    case noSuchProcedure = 6
    case unavailable = 7
    case timeout = 8
    case canceled = 9
    case application = 10
    case conflict = 11
    case partial = 12
    case checkFailed = 13
    case connectionLost = 14
    case protocolFault = 15
    case cannotRun = 126
    case commandNotFound = 127
    case hangup = 129
    case interrupted = 130
    case brokenPipe = 141
    case terminated = 143

    /// The name used in the JSON form of errors.
    var kind: String {
        switch self {
        case .ok: "ok"
        case .failure: "internal"
        case .usage: "usage"
        case .connect: "connect"
        case .joinRefused: "join_refused"
        case .notAuthorized: "not_authorized"
        case .noSuchProcedure: "no_such_procedure"
        case .unavailable: "unavailable"
        case .timeout: "timeout"
        case .canceled: "canceled"
        case .application: "application"
        case .conflict: "conflict"
        case .partial: "partial"
        case .checkFailed: "check_failed"
        case .connectionLost: "connection_lost"
        case .protocolFault: "protocol"
        case .cannotRun: "cannot_run"
        case .commandNotFound: "command_not_found"
        case .hangup: "hangup"
        case .interrupted: "interrupted"
        case .brokenPipe: "broken_pipe"
        case .terminated: "terminated"
        }
    }

    /// When the code is returned, for help and manual.
    var meaning: String {
        switch self {
        case .ok: "done; also a serving command stopped by a first signal, after draining"
        case .failure: "unexpected error, local I/O error, output that nobody read"
        case .usage: "bad option, bad argument, unreadable input"
        case .connect: "no connection: resolution, refused, handshake, timeout"
        case .joinRefused: "the router refused the session: no such realm, not allowed"
        case .notAuthorized: "wamp.error.not_authorized and its kin"
        case .noSuchProcedure: "wamp.error.no_such_procedure"
        case .unavailable: "no_available_callee, unavailable, network_failure"
        case .timeout: "wamp.error.timeout, or --timeout expired"
        case .canceled: "wamp.error.canceled: the callee left, or somebody cancelled, or said no"
        case .application: "any other error of the callee or the router"
        case .conflict: "procedure already registered, another rule in force, port in use"
        case .partial: "of several, some succeeded and some failed"
        case .checkFailed:
            "--verify, --threshold, --require-subscribers or a comparison did not hold"
        case .connectionLost: "the session ended before the work did"
        case .protocolFault: "protocol violation, payload too large, missing feature"
        case .cannotRun: "the command after -- could not be run"
        case .commandNotFound: "the command after -- was not found"
        case .hangup: "ended by SIGHUP before the work was done"
        case .interrupted: "ended by SIGINT before the work was done"
        case .brokenPipe: "the reader of stdout went away"
        case .terminated: "ended by SIGTERM before the work was done"
        }
    }

    /// The code for an ERROR of WAMP.
    init(_ error: ErrorURI) {
        switch error {
        case .notAuthorized, .optionNotAllowed: self = .notAuthorized
        case .noSuchProcedure: self = .noSuchProcedure
        case .noAvailableCallee, .unavailable, .networkFailure: self = .unavailable
        case .timeout: self = .timeout
        case .canceled, "wamp.error.cancelled": self = .canceled
        case .procedureAlreadyExists, .differentInvocationPolicy: self = .conflict
        case .payloadSizeExceeded, .protocolViolation, .featureNotSupported: self = .protocolFault
        default:
            let uri = error.rawValue
            self =
                uri.hasPrefix("wamp.error.authorization_")
                    || uri.hasPrefix("wamp.error.option_disallowed.")
                ? .notAuthorized : .application
        }
    }

    /// The code after a run of many: the common kind if all failed alike, `partial` for a mixture.
    static func ofRun(succeeded: Int, failures: [ExitCode: Int]) -> ExitCode {
        guard let first = failures.first else { return .ok }
        return succeeded == 0 && failures.count == 1 ? first.key : .partial
    }

    /// The table as `wampctl help exit-codes` prints it.
    static var table: String {
        var lines = ["Exit codes of every wampctl command", ""]
        for code in allCases {
            lines.append(
                Columns.right(String(code.rawValue), 5) + "  " + Columns.left(code.kind, 19)
                    + code.meaning)
        }
        lines.append("")
        lines.append("In a repeat or a batch in which all calls fail alike, the code is theirs.")
        lines.append("'wampctl router -- CMD' returns the code of CMD.")
        return lines.joined(separator: "\n")
    }
}
