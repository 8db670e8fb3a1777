// Who may receive an event: the six lists of PUBLISH.Options. Each that is present must hold.
//
// Spec: Advanced Profile, Subscriber Black- and Whitelisting.

import WAMP

/// The lists of a publication that has some. An empty list of those who are eligible is one that
/// nobody is on.
struct Audience: Equatable, Sendable {
    private let eligible: Set<SessionID>?
    private let eligibleAuthids: Set<Name>?
    private let eligibleAuthroles: Set<Name>?
    private let excluded: Set<SessionID>?
    private let excludedAuthids: Set<Name>?
    private let excludedAuthroles: Set<Name>?

    /// - Parameter options: their types have been checked.
    /// - Returns: nil if there is no list, so that everybody may receive the event.
    init?(_ options: Value.Dictionary) {
        if options.isEmpty { return nil }
        eligible = Audience.sessions(options["eligible"])
        eligibleAuthids = Audience.names(options["eligible_authid"])
        eligibleAuthroles = Audience.names(options["eligible_authrole"])
        excluded = Audience.sessions(options["exclude"])
        excludedAuthids = Audience.names(options["exclude_authid"])
        excludedAuthroles = Audience.names(options["exclude_authrole"])
        guard
            namesSessions || eligibleAuthids != nil || eligibleAuthroles != nil
                || excludedAuthids != nil || excludedAuthroles != nil
        else { return nil }
    }

    private static func sessions(_ list: Value?) -> Set<SessionID>? {
        (list?.list).map { Set($0.compactMap(\.unsigned).map(SessionID.init)) }
    }

    private static func names(_ list: Value?) -> Set<Name>? {
        (list?.list).map { Set($0.compactMap(\.string).map { Name($0) }) }
    }

    /// Whether sessions are listed: such an event means nothing to sessions that come later.
    var namesSessions: Bool { eligible != nil || excluded != nil }

    /// About what it costs to keep, in bytes.
    var weight: Int {
        let ids = (eligible?.count ?? 0) + (excluded?.count ?? 0)
        let names = [
            eligibleAuthids, eligibleAuthroles, excludedAuthids, excludedAuthroles,
        ].compactMap { $0 }
        return names.joined().reduce(16 * ids) { $0 + 16 + $1.description.utf8.count }
    }

    func admits(_ peer: PeerIdentity) -> Bool {
        eligible?.contains(peer.session) ?? true
            && !(excluded?.contains(peer.session) ?? false) && admitsPrincipal(peer)
    }

    /// Whether the lists of names and roles admit a session, whichever it is.
    func admitsPrincipal(_ peer: PeerIdentity) -> Bool {
        Audience.holds(eligibleAuthids, peer.authid, orWithoutList: true)
            && Audience.holds(eligibleAuthroles, peer.authrole, orWithoutList: true)
            && !Audience.holds(excludedAuthids, peer.authid, orWithoutList: false)
            && !Audience.holds(excludedAuthroles, peer.authrole, orWithoutList: false)
    }

    private static func holds(
        _ list: Set<Name>?, _ name: String?, orWithoutList otherwise: Bool
    ) -> Bool {
        guard let list else { return otherwise }
        return name.map { list.contains(Name($0)) } ?? false
    }
}
