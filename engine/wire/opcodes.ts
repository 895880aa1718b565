/** Operations of the client protocol (ZooKeeper's ZooDefs.OpCode) and what a server needs to know of each. */
export const opcode = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getAcl: 6,
  setAcl: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  checkWatches: 17,
  removeWatches: 18,
  createContainer: 19,
  deleteContainer: 20,
  createTtl: 21,
  multiRead: 22,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  getEphemerals: 103,
  getAllChildrenNumber: 104,
  setWatches2: 105,
  addWatch: 106,
  whoAmI: 107,
  closeSession: -11,
} as const;

/** xids that are not a request's number. */
export const specialXid = { event: -1, ping: -2, auth: -4, setWatches: -8 } as const;

/** Goes through consensus. */
export function isWriteOp(op: number): boolean {
  switch (op) {
    case opcode.create:
    case opcode.delete:
    case opcode.setData:
    case opcode.setAcl:
    case opcode.sync:
    case opcode.multi:
    case opcode.create2:
    case opcode.reconfig:
    case opcode.createContainer:
    case opcode.deleteContainer:
    case opcode.createTtl:
    case opcode.closeSession:
      return true;
    default:
      return false;
  }
}

/** Is answered by the server that the client is connected to. */
export function isReadOp(op: number): boolean {
  switch (op) {
    case opcode.exists:
    case opcode.getData:
    case opcode.getAcl:
    case opcode.getChildren:
    case opcode.getChildren2:
    case opcode.ping:
    case opcode.checkWatches:
    case opcode.removeWatches:
    case opcode.multiRead:
    case opcode.setWatches:
    case opcode.getEphemerals:
    case opcode.getAllChildrenNumber:
    case opcode.setWatches2:
    case opcode.addWatch:
    case opcode.whoAmI:
      return true;
    default:
      return false;
  }
}

const lastOpNames: Readonly<Record<number, string>> = {
  [opcode.create]: 'CREA',
  [opcode.create2]: 'CREA',
  [opcode.createContainer]: 'CREA',
  [opcode.createTtl]: 'CREA',
  [opcode.delete]: 'DELE',
  [opcode.deleteContainer]: 'DELE',
  [opcode.exists]: 'EXIS',
  [opcode.getData]: 'GETD',
  [opcode.setData]: 'SETD',
  [opcode.getAcl]: 'GETA',
  [opcode.setAcl]: 'SETA',
  [opcode.getChildren]: 'GETC',
  [opcode.getChildren2]: 'GETC',
  [opcode.sync]: 'SYNC',
  [opcode.ping]: 'PING',
  [opcode.multi]: 'MULT',
  [opcode.setWatches]: 'SETW',
  [opcode.reconfig]: 'RECO',
  [opcode.checkWatches]: 'CHKW',
  [opcode.removeWatches]: 'REMW',
  [opcode.multiRead]: 'MLTR',
  [opcode.getEphemerals]: 'GETE',
  [opcode.getAllChildrenNumber]: 'GETACN',
  [opcode.setWatches2]: 'STW2',
  [opcode.addWatch]: 'ADDW',
  [opcode.whoAmI]: 'HOMI',
  [opcode.closeSession]: 'CLOS',
  [-10]: 'SESS',
};

/** `lop` of the four-letter word `cons`. */
export function lastOpName(op: number): string {
  return lastOpNames[op] ?? 'NA';
}
