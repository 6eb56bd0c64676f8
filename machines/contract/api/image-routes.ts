import { z } from 'zod';
import { name, sha256 } from '../documents.ts';
import {
  AGENT_FILES,
  agentImageFiles,
  agentImageOrder,
  catalogAnswer,
  catalogEntry,
  catalogOrder,
  fileVerification,
  garbage,
  imageState,
  MAX_PIECE_BYTES,
  upload,
  uploadPiece,
} from './image-resource.ts';
import type { Route } from './route.ts';

const byName = z.strictObject({ name });
const byDigest = z.strictObject({ sha256 });
const byFile = z.strictObject({ name, index: z.string().regex(/^\d{1,2}$/, 'want the number of a file, from 0 on') });
const json = <S extends z.ZodType>(schema: S) => ({ kind: 'json', schema }) as const;

/** The files of images. What an image is stands in its document: `/api/v1/images`. */
export const IMAGE_ROUTES = {
  listImageStates: {
    method: 'GET',
    path: '/api/v1/image-states',
    summary: 'How the files of all images stand: ready, on their way, or missing and why',
    role: 'viewer',
    answer: json(z.object({ items: z.array(imageState) })),
  },
  getImageState: {
    method: 'GET',
    path: '/api/v1/image-states/{name}',
    summary: 'How the files of one image stand',
    role: 'viewer',
    params: byName,
    answer: json(imageState),
  },
  verifyImageFile: {
    method: 'POST',
    path: '/api/v1/image-states/{name}/files/{index}/verify',
    summary: 'Read a file of an image to its end and compare it with its digest',
    role: 'operator',
    params: byFile,
    answer: json(fileVerification),
  },
  getImageFile: {
    method: 'GET',
    path: '/api/v1/image-states/{name}/files/{index}',
    summary: 'The bytes of a file of an image; Range works',
    role: 'operator',
    params: byFile,
    answer: { kind: 'bytes', contentType: 'application/octet-stream' },
  },
  getUpload: {
    method: 'GET',
    path: '/api/v1/uploads/{sha256}',
    summary: 'How much of a file is there',
    role: 'operator',
    params: byDigest,
    answer: json(upload),
  },
  putUpload: {
    method: 'PUT',
    path: '/api/v1/uploads/{sha256}',
    summary: 'Give the next piece of a file; it counts when all of it has come and has this digest',
    role: 'operator',
    params: byDigest,
    query: uploadPiece,
    body: { kind: 'bytes', contentType: 'application/octet-stream', maxBytes: MAX_PIECE_BYTES },
    answer: json(upload),
  },
  getLoaderFile: {
    method: 'GET',
    path: '/api/v1/loader-file',
    summary: 'The bytes of a first-stage boot file',
    role: 'operator',
    query: z.strictObject({ name: z.string().max(255) }),
    answer: { kind: 'bytes', contentType: 'application/octet-stream' },
  },
  getAgentImage: {
    method: 'GET',
    path: '/api/v1/agent-image',
    summary: 'The files of the agent’s image',
    role: 'viewer',
    answer: json(agentImageFiles),
  },
  getAgentImageFile: {
    method: 'GET',
    path: '/api/v1/agent-image/{name}',
    summary: 'The bytes of a file of the agent’s image',
    role: 'operator',
    params: z.strictObject({ name: z.enum(AGENT_FILES) }),
    answer: { kind: 'bytes', contentType: 'application/octet-stream' },
  },
  addAgentImage: {
    method: 'POST',
    path: '/api/v1/agent-image',
    summary: 'Take uploaded files as the agent’s image: every machine that is worked on will run it',
    role: 'admin',
    body: json(agentImageOrder),
    answer: json(agentImageFiles),
  },
  listImageCatalog: {
    method: 'GET',
    path: '/api/v1/image-catalog',
    summary: 'Images whose place and proof are known: what can be added by a name and a version',
    role: 'viewer',
    answer: json(z.object({ items: z.array(catalogEntry) })),
  },
  addCatalogImage: {
    method: 'POST',
    path: '/api/v1/image-catalog',
    summary: 'Add an image of the catalog; its files are fetched in the background',
    role: 'operator',
    body: json(catalogOrder),
    answer: json(catalogAnswer),
  },
  collectImageGarbage: {
    method: 'POST',
    path: '/api/v1/image-garbage',
    summary: 'Files that no image names: list them, or remove them; never what a job reads',
    role: 'operator',
    body: json(z.strictObject({ remove: z.boolean() })),
    answer: json(garbage),
  },
} as const satisfies Record<string, Route>;
