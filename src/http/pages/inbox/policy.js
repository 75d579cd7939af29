/**
 * What the viewer may do, by the plan, the assignment model and the role.
 *
 * The server decides. The page applies the same rules, so that it shows the reason
 * instead of a button that would always fail.
 *
 * @import { Row, Viewer, Workspace } from './types.d.ts'
 */

const WITHOUT_ASSIGNMENT = 'STARTER';

/**
 * The agents to whom the viewer may assign a conversation, and the reason if these are not all.
 * @typedef {{ to: 'anybody' | 'self' | 'nobody', reason: string }} Permission
 */

/**
 * @param {Viewer} viewer @param {Workspace | null} workspace @param {Pick<Row, 'assignee'>} row
 * @returns {Permission}
 */
export function mayAssign(viewer, workspace, row) {
  if (!workspace) return { to: 'anybody', reason: '' };
  if (workspace.plan === WITHOUT_ASSIGNMENT) return { to: 'nobody', reason: 'Assignment needs the Team plan.' };
  const own = row.assignee?.id === viewer.id;
  if (viewer.role === 'MANAGER' || workspace.assignmentModel === 'OPEN' || own) return { to: 'anybody', reason: '' };
  if (row.assignee) return { to: 'nobody', reason: 'Managers reassign.' };
  switch (workspace.assignmentModel) {
    case 'SELF_SERVICE':
      return { to: 'self', reason: 'Managers assign to others.' };
    case 'HYBRID':
      return viewer.experienced
        ? { to: 'self', reason: 'Managers assign to others.' }
        : { to: 'nobody', reason: 'Experienced reps claim, managers assign.' };
    default:
      return { to: 'nobody', reason: 'Managers assign conversations.' };
  }
}
