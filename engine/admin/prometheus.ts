/**
 * `/metrics` for Prometheus: ZooKeeper's names as its PrometheusMetricsProvider writes them (without a
 * prefix, summaries with quantiles, sets with the label `key`), our own under `zabra_`, and those of
 * the process as every Node exporter names them.
 *
 * Quantiles are of the last five to ten minutes, as there: of what came after the last but one mark,
 * and a scrape makes a mark when the last one is five minutes old.
 */
import type { Histogram, HistogramMark } from '../base/histogram.ts';
import type { CoordinationServer } from '../server/server.ts';
import { zookeeperMetrics, type Metric, type Summary } from './catalog.ts';
import { fileDescriptors } from './facts.ts';

const markMs = 300_000;
const quantiles = { basic: [0.5], advanced: [0.5, 0.9, 0.99] } as const;

export class Prometheus {
  readonly #server: CoordinationServer;
  readonly #withProcess: boolean;
  readonly #marks = new Map<Histogram, { at: number; newer: HistogramMark; older: HistogramMark | null }>();
  #utilization = performance.eventLoopUtilization();

  constructor(server: CoordinationServer, withProcess: boolean) {
    this.#server = server;
    this.#withProcess = withProcess;
  }

  render(): string {
    const lines: string[] = [];
    let family = '';
    for (const metric of zookeeperMetrics(this.#server)) {
      if (metric.name !== family)
        lines.push(`# HELP ${metric.name} ${metric.name}`, `# TYPE ${metric.name} ${metric.kind}`);
      family = metric.name;
      lines.push(...this.#lines(metric));
    }
    lines.push(...this.#own());
    if (this.#withProcess) lines.push(...this.#process());
    return `${lines.join('\n')}\n`;
  }

  #lines(metric: Metric): string[] {
    if (metric.kind !== 'summary') return [`${metric.name} ${metric.value}`];
    const { name, key, histogram, detail, scale } = metric;
    const mark = this.#markOf(metric);
    const isEmpty = histogram.countSince(mark) === 0;
    const labels = key === null ? [] : [`key="${key}"`];
    const plain = labels.length === 0 ? '' : `{${labels.join(',')}}`;
    return [
      ...quantiles[detail].map((q) => {
        const value = isEmpty ? 'NaN' : histogram.quantileSince(mark, q) / scale;
        return `${name}{${[...labels, `quantile="${q}"`].join(',')}} ${value}`;
      }),
      `${name}_count${plain} ${histogram.count}`,
      `${name}_sum${plain} ${histogram.sum / scale}`,
    ];
  }

  /** What the quantiles of this summary leave out: everything before that. */
  #markOf({ histogram }: Summary): HistogramMark | null {
    const now = performance.now();
    const marks = this.#marks.get(histogram);
    // Counting began anew since, or for the first time.
    if (marks === undefined || !histogram.holds(marks.newer)) {
      this.#marks.set(histogram, { at: now, newer: histogram.mark(), older: null });
      return null;
    }
    if (now - marks.at > markMs) {
      marks.older = marks.newer;
      marks.newer = histogram.mark();
      marks.at = now;
    }
    return marks.older;
  }

  #own(): string[] {
    const { metrics, core, leading, serving, outstandingBytes, refusals } = this.#server;
    const { stages } = metrics;
    const names = ['queue', 'prep', 'log', 'fsync', 'network', 'quorum', 'apply', 'reply'] as const;
    return [
      ...single('zabra_serving', 'gauge', '1 while clients are served', serving ? 1 : 0),
      ...single('zabra_epoch', 'gauge', 'epoch joined or led', core.epoch),
      ...single('zabra_batches_in_flight', 'gauge', 'batches proposed and not committed', core.batchesInFlight),
      ...single('zabra_bytes_in_flight', 'gauge', 'bytes of these batches', core.bytesInFlight),
      ...single('zabra_queued_request_bytes', 'gauge', 'requests that wait to be prepared', leading.queuedBytes),
      ...single('zabra_outstanding_request_bytes', 'gauge', 'writes of our clients not yet done', outstandingBytes),
      ...single('zabra_slow_fsyncs_total', 'counter', 'fsyncs beyond the limit', metrics.slowFsyncs),
      ...family('zabra_refusals_total', 'counter', 'clients that were held back or turned away'),
      ...Object.entries(refusals).map(([reason, count]) => `zabra_refusals_total{reason="${reason}"} ${count}`),
      ...family('zabra_batch_txns', 'histogram', 'txns in a batch'),
      ...buckets('zabra_batch_txns', '', metrics.batchTxns, 0, 14, 1),
      ...family('zabra_batch_bytes', 'histogram', 'bytes of a batch'),
      ...buckets('zabra_batch_bytes', '', metrics.batchBytes, 7, 23, 1),
      ...family('zabra_fsync_txns', 'histogram', 'txns made durable by one fsync'),
      ...buckets('zabra_fsync_txns', '', stages.groupTxns, 0, 16, 1),
      ...family('zabra_commit_stage_seconds', 'histogram', 'where the time of a write goes, by batch'),
      ...names.flatMap((name) => buckets('zabra_commit_stage_seconds', `stage="${name}"`, stages[name], 4, 24, 1e6)),
      ...family('zabra_turn_seconds', 'histogram', 'work of one turn of the server'),
      ...buckets('zabra_turn_seconds', '', metrics.turn, 4, 24, 1e6),
    ];
  }

  #process(): string[] {
    const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const files = fileDescriptors();
    const utilization = performance.eventLoopUtilization();
    const { utilization: share } = performance.eventLoopUtilization(utilization, this.#utilization);
    this.#utilization = utilization;
    return [
      ...single('process_cpu_seconds_total', 'counter', 'user and system time', (user + system) / 1e6),
      ...single('process_start_time_seconds', 'gauge', 'since 1970', performance.timeOrigin / 1000),
      ...single('process_resident_memory_bytes', 'gauge', 'resident memory', rss),
      ...single('process_open_fds', 'gauge', 'open files', files.open),
      ...single('process_max_fds', 'gauge', 'files that may be open', files.max),
      ...single('nodejs_heap_size_total_bytes', 'gauge', 'heap of JavaScript', heapTotal),
      ...single('nodejs_heap_size_used_bytes', 'gauge', 'used of it', heapUsed),
      ...single('nodejs_external_memory_bytes', 'gauge', 'buffers outside of the heap', external),
      ...single('nodejs_eventloop_utilization', 'gauge', 'busy share of the time since the last scrape', share),
      ...family('nodejs_version_info', 'gauge', 'version of Node'),
      `nodejs_version_info{version="${process.version}"} 1`,
    ];
  }
}

function family(name: string, kind: 'gauge' | 'counter' | 'histogram', help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`];
}

function single(name: string, kind: 'gauge' | 'counter', help: string, value: number): string[] {
  return [...family(name, kind, help), `${name} ${value}`];
}

/** Cumulative buckets that end right below the powers of two from `first` to `last`. */
function buckets(
  name: string,
  label: string,
  histogram: Histogram,
  first: number,
  last: number,
  scale: number,
): string[] {
  const lines: string[] = [];
  const prefix = label === '' ? '' : `${label},`;
  for (let power = first; power <= last; power++) {
    // Whole numbers below a power of two are at most one less; for times that is a microsecond.
    const bound = scale === 1 ? 2 ** power - 1 : 2 ** power / scale;
    lines.push(`${name}_bucket{${prefix}le="${bound}"} ${histogram.below(2 ** power)}`);
  }
  const plain = label === '' ? '' : `{${label}}`;
  lines.push(`${name}_bucket{${prefix}le="+Inf"} ${histogram.count}`);
  lines.push(`${name}_count${plain} ${histogram.count}`, `${name}_sum${plain} ${histogram.sum / scale}`);
  return lines;
}
