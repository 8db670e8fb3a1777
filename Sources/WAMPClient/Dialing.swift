// One try to join a router. Every address of its name gets a chance, in the order and at the pace
// of RFC 8305; the first with which a transport is agreed is said HELLO to, and the others are
// dropped. Each has a connection and a link of its own, so that none ends by the failure of
// another.

import Glibc
import NIOCore
import NIOPosix
import WAMP
import WAMPTransport

/// One try. On its loop only, hence unchecked.
final class Dialing: @unchecked Sendable {
    typealias Outcome = Swift.Result<(ClientLink, Welcome), ClientError>
    typealias LookUp =
        @Sendable (_ host: String, _ port: Int) throws(LookupError) -> [SocketAddress]

    /// How long one address has before the next is tried beside it (RFC 8305, section 5).
    private static let headStart = TimeAmount.milliseconds(250)

    private let endpoint: Endpoint
    private let options: SessionOptions
    private let settings: ConnectionSettings
    private let loop: IOLoop
    private let lookUp: LookUp

    /// Nil until the addresses are known.
    private var race: AddressRace?
    private var contenders: [Int: Contender] = [:]
    private var lastContender = 0
    private var pace: Scheduled<Void>?
    private var timeout: Scheduled<Void>?
    private var refusal: ClientError?
    /// Told once.
    private var done: ((Outcome) -> Void)?

    /// An address that is being tried.
    private struct Contender {
        let address: SocketAddress
        let link: ClientLink
    }

    init(
        _ endpoint: Endpoint, _ options: SessionOptions, _ settings: ConnectionSettings,
        loop: IOLoop, lookUp: @escaping LookUp
    ) {
        self.endpoint = endpoint
        self.options = options
        self.settings = settings
        self.loop = loop
        self.lookUp = lookUp
    }

    func start(_ done: @escaping @Sendable (Outcome) -> Void) {
        if let refusal { return done(.failure(refusal)) }
        self.done = done
        timeout = loop.eventLoop.assumeIsolated().scheduleTask(
            in: TimeAmount(options.connectTimeout)
        ) { self.timedOut() }
        switch endpoint.address {
        case .unix(let path): found(.init { try SocketAddress(unixDomainSocketPath: path) })
        case .tcp(let host, let port):
            if let address = HostAddresses.literal(host, port: port) {
                return found(.success([address]), namesAddresses: false)
            }
            let loop = loop.eventLoop
            let lookUp = lookUp
            NIOThreadPool.singleton.submit { _ in
                let addresses = Swift.Result { try lookUp(host, port) }
                loop.execute { self.found(addresses, namesAddresses: true) }
            }
        }
    }

    func giveUp(_ error: ClientError) {
        refusal = error
        finish(.failure(error))
    }

    private func found(_ address: Swift.Result<SocketAddress, any Error>) {
        found(address.map { [$0] }, namesAddresses: false)
    }

    private func found(
        _ addresses: Swift.Result<[SocketAddress], any Error>, namesAddresses: Bool
    ) {
        switch addresses {
        case .success(let addresses):
            race = AddressRace(addresses, namesAddresses: namesAddresses)
            tryNext()
        case .failure(let error): fail("\(error)")
        }
    }

    /// Tries another address, if there is one; where none is left and none is being tried, that was
    /// it.
    private func tryNext() {
        pace?.cancel()
        pace = nil
        guard done != nil else { return }
        guard let address = race?.next() else {
            if contenders.isEmpty { fail(race?.explanation ?? "") }
            return
        }
        pace = loop.eventLoop.assumeIsolated().scheduleTask(in: Dialing.headStart) {
            self.tryNext()
        }
        lastContender += 1
        let number = lastContender
        let link = ClientLink(loop: loop, options: options) {
            self.opened(number)
        } onJoined: {
            self.joined(number, $0)
        }
        contenders[number] = Contender(address: address, link: link)
        connect(link, to: address)
    }

    /// One of the addresses leads to a router: the others are not needed, unless it fails later.
    private func opened(_ number: Int) {
        pace?.cancel()
        pace = nil
        let others = contenders.filter { $0.key != number }.sorted { $0.key < $1.key }
        race?.putBack(others.map(\.value.address))
        for (number, contender) in others { drop(number, contender) }
    }

    private func joined(_ number: Int, _ outcome: Swift.Result<Welcome, ClientError>) {
        guard let contender = contenders.removeValue(forKey: number) else { return }
        switch outcome {
        case .success(let welcome): finish(.success((contender.link, welcome)))
        case .failure(.connect(let cause)):
            race?.failed(contender.address, because: cause)
            tryNext()
        case .failure(let error): finish(.failure(error))
        }
    }

    private func timedOut() {
        let cause = "no answer that opens a session within \(options.connectTimeout)"
        guard var race else { return fail("\(cause): the name is still being looked up") }
        for (_, contender) in contenders.sorted(by: { $0.key < $1.key }) {
            race.failed(contender.address, because: cause)
        }
        fail(race.explanation)
    }

    private func fail(_ text: String) {
        finish(.failure(.connect("cannot connect to \(endpoint): \(text)")))
    }

    private func finish(_ outcome: Outcome) {
        pace?.cancel()
        timeout?.cancel()
        pace = nil
        timeout = nil
        for (number, contender) in contenders { drop(number, contender) }
        let done = done
        self.done = nil
        done?(outcome)
    }

    private func drop(_ number: Int, _ contender: Contender) {
        contenders[number] = nil
        contender.link.abandonJoining(.canceled)
    }

    private func connect(_ link: ClientLink, to address: SocketAddress) {
        let loop = loop
        let settings = settings
        let side = ConnectionSide.client(
            ClientTransport(
                endpoint, serializer: options.serializer, isBatched: options.isBatched,
                deflate: options.deflate))
        let tls = endpoint.isSecure ? options.tlsContext : nil
        let host = if case .tcp(let host, _) = endpoint.address { host } else { "" }
        ClientBootstrap(group: loop.eventLoop)
            .connectTimeout(TimeAmount(options.connectTimeout))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try ChannelConfiguration.apply(settings, to: channel)
                    let front = try tls?.install(on: channel, host: host)
                    let handler = ConnectionHandler(
                        owner: link, loop: loop, settings: settings, side: side, tls: front)
                    link.channel = channel
                    link.handler = handler
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .connect(to: address)
            .whenFailure { link.abandonJoining(.connect(Dialing.text($0))) }
    }

    /// What went wrong in connecting, for people.
    private static func text(_ error: any Error) -> String {
        switch error {
        case let error as IOError: String(cString: strerror(error.errnoCode)).lowercased()
        case ChannelError.connectTimeout: "the connection timed out"
        default: "\(error)"
        }
    }
}
