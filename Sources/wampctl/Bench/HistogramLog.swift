// Histograms in the log format of HdrHistogram 1.3, for other plotters. Pure.
// Format: https://github.com/HdrHistogram/HdrHistogram (V2 encoding, HistogramLogWriter).

import Histogram
import WAMP

enum HistogramLog {
    struct Entry {
        /// Without blanks and commas.
        var tag: String
        /// In seconds since 1970.
        var start: Double
        var seconds: Double
        var histogram: LatencyHistogram
    }

    static func text(_ entries: [Entry], began: WallMoment) -> String {
        let start = Double(began.milliseconds) / 1000
        var lines = [
            "#[Logged with wampctl \(Wampctl.version)]", "#[Histogram log format version 1.3]",
            "#[StartTime: \(Figures.fixed(start, 3)) (seconds since epoch), \(began.timestamp)]",
            "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","
                + "\"Interval_Compressed_Histogram\"",
        ]
        for entry in entries {
            let longest = Double(entry.histogram.max) / 1e6
            lines.append(
                "Tag=\(entry.tag),\(Figures.fixed(entry.start, 3)),"
                    + "\(Figures.fixed(entry.seconds, 3)),\(Figures.fixed(longest, 3)),"
                    + Base64.text(compressed(entry.histogram)))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The compressed V2 encoding.
    static func compressed(_ histogram: LatencyHistogram) -> [UInt8] {
        let body = zlib(encoded(histogram))
        return big(UInt32(0x1c84_9314)) + big(UInt32(body.count)) + body
    }

    /// The V2 encoding.
    static func encoded(_ histogram: LatencyHistogram) -> [UInt8] {
        var counts: [UInt8] = []
        var zeros: Int64 = 0
        for step in histogram.allValues() {
            if step.count == 0 {
                zeros += 1
                continue
            }
            if zeros > 0 { append(zigzag(-zeros), to: &counts) }
            zeros = 0
            append(zigzag(Int64(step.count)), to: &counts)
        }
        return big(UInt32(0x1c84_9313)) + big(UInt32(counts.count)) + big(UInt32(0))
            + big(UInt32(histogram.numberOfSignificantValueDigits.rawValue))
            + big(histogram.lowestDiscernibleValue) + big(histogram.highestTrackableValue)
            + big((1.0).bitPattern) + counts
    }

    private static func zigzag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: (value << 1) ^ (value >> 63))
    }

    /// LEB128 of 64 bits in at most nine bytes, of which the ninth has eight bits.
    private static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        for place in 0..<9 {
            if place == 8 || rest < 0x80 {
                bytes.append(UInt8(truncatingIfNeeded: rest))
                return
            }
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
    }

    /// The zlib format with stored blocks: every reader takes them, and nothing is to be linked.
    static func zlib(_ bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = [0x78, 0x01]
        var rest = bytes[...]
        repeat {
            let block = rest.prefix(0xffff)
            rest = rest.dropFirst(block.count)
            let length = UInt16(block.count)
            output.append(rest.isEmpty ? 1 : 0)
            output += [UInt8(length & 0xff), UInt8(length >> 8)]
            output += [UInt8(~length & 0xff), UInt8(~length >> 8)]
            output += block
        } while !rest.isEmpty
        return output + big(adler32(bytes))
    }

    static func adler32(_ bytes: [UInt8]) -> UInt32 {
        var low: UInt32 = 1, high: UInt32 = 0
        for byte in bytes {
            low = (low + UInt32(byte)) % 65521
            high = (high + low) % 65521
        }
        return high << 16 | low
    }

    private static func big<I: FixedWidthInteger>(_ value: I) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}
