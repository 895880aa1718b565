/** `zabra log dump FILE`: what a log segment holds, txn by txn; reads the file and nothing else. */
import { readFileSync } from 'node:fs';
import { Reader } from '../base/bytes.ts';
import { zxidText } from '../base/zxid.ts';
import { crc32 } from '../io/crc32.ts';
import { decodeSegmentHeader } from '../log/format.ts';
import { scanSegment } from '../log/recovery.ts';
import { TxnCursor, type Batch } from '../txn/batch.ts';
import { describeTxn, type TxnFields } from '../txn/describe.ts';
import { aclText, dataJson, dataText, idText, printLine } from './print.ts';

/** @throws Error with one sentence when it is no segment */
export function dumpLog(file: string, json: boolean): void {
  const bytes = readFileSync(file);
  const header = decodeSegmentHeader(bytes, crc32);
  if (header === null) throw new Error(`${file} is no log segment, or its header is damaged.`);
  const { sequence, server, start } = header;
  if (json) printLine(JSON.stringify({ segment: sequence, server, start: zxidText(start) }));
  else printLine(`segment ${sequence} of server ${server}, after zxid ${zxidText(start)}`);
  let txns = 0;
  let batches = 0;
  const scan = scanSegment(bytes, sequence, start, crc32, (batch, offset) => {
    batches++;
    txns += batch.count;
    dumpBatch(batch, offset, json);
    return true;
  });
  const { end, last, committed, tornBytes } = scan;
  if (json) {
    const known = zxidText(committed);
    printLine(
      JSON.stringify({ end, last: zxidText(last), committed: known, txns, batches, unreadableBytes: tornBytes }),
    );
    return;
  }
  const rest = tornBytes === 0 ? 'nothing follows' : `${tornBytes} bytes follow that are no entry`;
  printLine(`${txns} txns in ${batches} batches up to offset ${end}, zxid ${zxidText(last)}; ${rest}`);
}

function dumpBatch(batch: Batch, offset: number, json: boolean): void {
  const txn = new TxnCursor().reset(batch);
  const time = new Date(batch.time).toISOString();
  if (!json) printLine(`batch at offset ${offset}: ${batch.count} txns, ${batch.bytes.length} bytes, ${time}`);
  while (txn.next()) {
    const fields = describeTxn(txn.type, new Reader().reset(txn.bytes, txn.bodyStart, txn.bodyEnd));
    const zxid = zxidText(txn.zxid);
    const session = idText(txn.session);
    if (json) {
      const { origin, cxid } = txn;
      const body = fields === null ? { type: `type ${txn.type}`, malformed: true } : fieldsJson(fields);
      printLine(JSON.stringify({ zxid, time, session, cxid, server: origin, ...body }));
    } else {
      const body = fields === null ? `type ${txn.type} malformed` : fieldsText(fields);
      printLine(`  ${zxid} session ${session} cxid ${txn.cxid} server ${txn.origin} ${body}`);
    }
  }
}

function fieldsText({ type, ...fields }: TxnFields): string {
  const words = [type];
  for (const [name, value] of Object.entries(fieldsOf(fields))) words.push(`${name}=${value}`);
  const text = words.join(' ');
  const { operations } = fields;
  return operations === undefined ? text : [text, ...operations.map((each) => `    ${fieldsText(each)}`)].join('\n');
}

function fieldsOf({ data, acl, owner, operations, ...rest }: Omit<TxnFields, 'type'>): Record<string, unknown> {
  return {
    ...rest,
    ...(data === undefined ? {} : { data: dataText(data) }),
    ...(acl === undefined ? {} : { acl: aclText(acl) }),
    ...(owner === undefined ? {} : { owner: idText(owner) }),
    ...(operations === undefined ? {} : { operations: operations.length }),
  };
}

function fieldsJson({ data, owner, operations, ...rest }: TxnFields): Record<string, unknown> {
  return {
    ...rest,
    ...(data === undefined ? {} : dataJson(data)),
    ...(owner === undefined ? {} : { owner: idText(owner) }),
    ...(operations === undefined ? {} : { operations: operations.map(fieldsJson) }),
  };
}
