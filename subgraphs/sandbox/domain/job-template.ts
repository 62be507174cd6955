/** An interpreter that runs the source of a job. */
export interface JobTemplate {
  readonly id: TemplateId;
  readonly name: string;
  /** The name under which the source lies in the job's folder. */
  readonly file: string;
  /** The least memory with which the interpreter itself starts. */
  readonly memoryMibMin: number;
}

export type TemplateId = 'node' | 'python' | 'shell';

export const jobTemplates: readonly JobTemplate[] = [
  { id: 'node', name: 'Node.js', file: 'main.mjs', memoryMibMin: 64 },
  { id: 'python', name: 'Python 3', file: 'main.py', memoryMibMin: 32 },
  { id: 'shell', name: 'POSIX shell', file: 'main.sh', memoryMibMin: 32 },
];

export function findTemplate(id: string): JobTemplate | undefined {
  return jobTemplates.find((template) => template.id === id);
}
