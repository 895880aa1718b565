/** What a record looks like as a page: the same for a fresh run and for one that is opened again later. */
import { checkPage } from './check-page.ts';
import { failoverPage } from './failover-page.ts';
import { commitOf, time, whole, type Table } from './format.ts';
import type { Page, Section } from './html.ts';
import { microPage } from './micro-page.ts';
import { comparePage, peersPage } from './peers-page.ts';
import { summarize, type RunRecord } from './record.ts';
import { scalePage } from './scale-page.ts';
import { tunePage } from './tune-page.ts';
import type { Observed } from '../target/observer.ts';
import { loadTable, matrixSections, observedSections, percentileSection, timelineSection } from './sections.ts';

type Figures = Page['figures'];

interface Content {
  readonly title: string;
  readonly figures: Figures;
  readonly sections: readonly Section[];
}

const contents: Readonly<Record<string, (record: RunRecord) => Content>> = {
  canonical,
  throughput,
  latency,
  failover: failoverPage,
  tune: tunePage,
  scale: scalePage,
  peers: peersPage,
  compare: comparePage,
  micro: microPage,
  check: checkPage,
  overhead,
};

export function pageOf(record: RunRecord): Page {
  const { machine, disk, revision, at, warnings } = record;
  const where = [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB`,
    `Node ${machine.node.slice(1)}`,
    ...(disk === null ? [] : [`fdatasync of 4 KiB ${time(disk.fsyncP50Us)}, p99 ${time(disk.fsyncP99Us)}`]),
    `load ${machine.load1} at the start`,
  ];
  const commit = `commit ${commitOf(revision)}`;
  const content = (contents[record.command] ?? general)(record);
  return { ...content, subtitle: [at.slice(0, 16).replace('T', ' '), commit, ...where].join(' · '), warnings };
}

function general({ command, loads }: RunRecord): Content {
  return { title: `Zabra ${command}`, figures: [], sections: [{ title: 'Loads', table: loadTable(loads) }] };
}

function overhead({ loads, details }: RunRecord): Content {
  return {
    title: 'Zabra, what its own measuring costs',
    figures: [],
    sections: [
      {
        title: 'Servers that measure nothing, and servers as they are',
        text: `Medians of rounds in turn, and what they may be by chance; ${String(details['sentence'])}.`,
        table: details['table'] as Table,
      },
      { title: 'All figures', table: loadTable(loads) },
    ],
  };
}

function canonical({ loads, headline, details }: RunRecord): Content {
  return {
    title: 'Zabra, the canonical benchmark',
    figures: [
      { value: whole(headline['writesPerSecond'] ?? 0), label: 'committed writes per second' },
      { value: time(headline['p99Us'] ?? 0), label: 'p99 at half that rate, open loop' },
    ],
    sections: [
      {
        title: 'Loads',
        text: 'Medians over the rounds; every write is on the disks of a quorum.',
        table: loadTable(loads),
      },
      timelineSection('Throughput over time', loads.slice(0, 1), 'throughput'),
      percentileSection('Latency at half the peak, open loop', loads.slice(1, 2), 'latency'),
      ...observedSections((details['observed'] ?? null) as Observed | null),
    ],
  };
}

function throughput({ loads }: RunRecord): Content {
  const best = loads.map(summarize).reduce((a, b) => (b.perSecond > a.perSecond ? b : a));
  return {
    title: 'Zabra, throughput',
    figures: [{ value: whole(best.perSecond), label: 'operations per second at the best point' }],
    sections: [...matrixSections(loads), { title: 'All figures', table: loadTable(loads) }],
  };
}

function latency({ loads, headline }: RunRecord): Content {
  const rates = loads.slice(1);
  return {
    title: 'Zabra, latency',
    figures: [
      { value: whole(headline['peakPerSecond'] ?? 0), label: 'operations per second at the peak' },
      { value: time(headline['p99Us'] ?? 0), label: 'p99 at half the peak' },
    ],
    sections: [
      {
        ...percentileSection('Latency at shares of the peak', rates, 'latency'),
        text: 'Open loop: a request counts from the moment it was due, sent or not, so stalls are in here in full.',
      },
      { title: 'All figures', table: loadTable(loads) },
      timelineSection('Throughput over time', rates, 'throughput'),
    ],
  };
}
