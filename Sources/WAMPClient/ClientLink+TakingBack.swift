// What a session no longer wants is taken back from the router, unless others of the session do.

import WAMP

extension ClientLink {
    func unsubscribe(
        _ subscription: SubscriptionID, token: Int, _ waiter: @escaping Waiter
    ) {
        core.removeListener(token, of: subscription, waiter)?(
            .success(.unsubscribed(Unsubscribed(request: nil))))
        takeBack()
    }

    func unregister(
        _ registration: RegistrationID, token: Int, _ waiter: @escaping Waiter
    ) {
        core.removeResponder(token, of: registration, waiter)?(
            .success(.unregistered(Unregistered(request: nil))))
        takeBack()
    }

    /// Asks the router to take back whatever is due.
    func takeBack() {
        while let next = core.nextTakingBack() {
            switch next {
            case .needless(let waiter, let answer): waiter(.success(answer))
            case .subscription(let id, let waiter):
                _ = request(waiter) {
                    $0.unsubscribe(id, waiter)
                } make: {
                    .unsubscribe(Unsubscribe(request: $0, subscription: id))
                }
            case .registration(let id, let token, let waiter):
                _ = request(waiter) {
                    $0.unregister(id, token: token, waiter)
                } make: {
                    .unregister(Unregister(request: $0, registration: id))
                }
            }
        }
    }
}
