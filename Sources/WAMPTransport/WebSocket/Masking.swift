// Masking of WebSocket payloads, over the scanner in C. Spec: RFC 6455, 5.3.

import CScan

enum Masking {
    /// Copies `source` to the front of `target`, masked or unmasked with `key` from its octet
    /// `phase` on. The two may be the same memory; `target` has room.
    /// - Returns: whether all bytes written are ASCII.
    static func copy(
        _ source: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer,
        key: WebSocketFrame.Key, phase: Int
    ) -> Bool {
        guard let from = source.baseAddress, let to = target.baseAddress else { return true }
        return withUnsafeBytes(of: key) { key in
            guard let key = key.baseAddress else { return true }
            return cscan_unmask_copy(
                to.assumingMemoryBound(to: UInt8.self), from.assumingMemoryBound(to: UInt8.self),
                source.count, key.assumingMemoryBound(to: UInt8.self),
                UInt32(truncatingIfNeeded: phase & 3)) == 0
        }
    }
}
