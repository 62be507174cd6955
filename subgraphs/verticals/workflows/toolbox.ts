import type { ToolName } from '../domain/playbook.ts';
import { draftReportTool, publishReportTool, withdrawReportTool } from './report-tools.ts';
import { cancelJobTool, submitJobTool } from './sandbox-tools.ts';
import type { Tool } from './tool.ts';

/** Every tool that a playbook can name. */
export const toolbox: Readonly<Record<ToolName, Tool>> = {
  'sandbox.submit-job': submitJobTool,
  'sandbox.cancel-job': cancelJobTool,
  'report.draft': draftReportTool,
  'report.publish': publishReportTool,
  'report.withdraw': withdrawReportTool,
};
