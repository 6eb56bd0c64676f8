import './images.css';
import { Button, Menu, Modal, Select, TextInput } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { ImageFileState } from '#machines/contract/api/image-resource.ts';
import { ARCHITECTURES } from '#machines/values/architecture.ts';
import { useAct, useAsk } from '../api/queries.ts';
import { bytes, capital } from '../look/format.ts';
import { Icon } from '../look/icons.tsx';
import type { Tone } from '../look/machine-state.ts';
import { Bar, Card, Claimed, Code, Empty, Failed, ScreenHead, StateMark } from '../look/parts.tsx';
import { EditDocument } from '../documents/edit-document.tsx';
import { tell } from '../look/tell.ts';
import { useSession } from '../shell/session.ts';
import { UploadDialog } from './upload-dialog.tsx';

const STATES: Readonly<Record<ImageFileState['state'], { readonly tone: Tone; readonly text: string }>> = {
  ready: { tone: 'good', text: 'ready' },
  waiting: { tone: 'wait', text: 'waits to be fetched' },
  fetching: { tone: 'busy', text: 'being fetched' },
  preparing: { tone: 'busy', text: 'being prepared' },
  missing: { tone: 'bad', text: 'missing' },
};
const SOURCES = { path: 'a file of the daemon’s machine', url: 'fetched', upload: 'uploaded' } as const;

/** Files that machines boot or get written, and how they stand. */
export function ImagesScreen() {
  const { data, error } = useAsk('listImageStates', {}, { everyMs: 5000 });
  const { may } = useSession();
  const [adds, setAdds] = useState<'upload' | 'catalog'>();
  const busy = data?.items.some(({ state }) => state === 'fetching' || state === 'preparing');
  return (
    <>
      <ScreenHead
        title="Images"
        about="Kernels, initrds and disks, each with its digest. A profile says which of them a machine boots or gets."
      >
        {may('operator') && (
          <Menu position="bottom-end">
            <Menu.Target>
              <Button leftSection={<Icon name="plus" />}>Add an image</Button>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item onClick={() => setAdds('upload')}>Upload files…</Menu.Item>
              <Menu.Item onClick={() => setAdds('catalog')}>From the catalog…</Menu.Item>
            </Menu.Dropdown>
          </Menu>
        )}
      </ScreenHead>
      {error && <Failed error={error} />}
      {busy === true && (
        <p className="unseen" role="status">
          an image is on its way
        </p>
      )}
      <div className="stack">
        {data?.items.length === 0 && (
          <Card>
            <Empty title="No images yet">
              <ol>
                <li>
                  <b>Upload a kernel and an initrd, or the image of a disk</b>
                  <span>“Add an image” above. A broken upload goes on where it was.</span>
                </li>
                <li>
                  <b>Or take one whose place and proof are known</b>
                  <Code>ingot image add debian@12</Code>
                </li>
                <li>
                  <b>Then name it in a profile</b>
                  <span>That is what machines boot.</span>
                </li>
              </ol>
            </Empty>
          </Card>
        )}
        {data?.items.map((image) => {
          const { tone, text } = STATES[image.state];
          return (
            <Card
              key={image.name}
              title={image.name}
              aside={
                <>
                  <StateMark tone={tone} pill>
                    {text}
                  </StateMark>
                  <span className="soft">
                    {image.arch}
                    {image.bytes > 0 && `, ${bytes(image.bytes)} here`}
                  </span>
                  <span className="soft spread">
                    {image.profiles.length === 0
                      ? 'no profile uses it'
                      : image.profiles.map((name) => (
                          <span key={name}>
                            {' '}
                            <Link to="/profiles/$name" params={{ name }}>
                              {name}
                            </Link>
                          </span>
                        ))}
                  </span>
                  <EditDocument kind="Image" name={image.name} />
                </>
              }
            >
              {image.because !== undefined && (
                <p className="note" data-tone={tone}>
                  {image.because}
                </p>
              )}
              <Files image={image.name} files={image.files} />
              {image.pulls.map(({ what, from }) => (
                <p key={what} className="soft">
                  Its machines fetch {what} from {from}.
                </p>
              ))}
            </Card>
          );
        })}
      </div>
      {adds === 'upload' && <UploadDialog close={() => setAdds(undefined)} />}
      {adds === 'catalog' && <CatalogDialog close={() => setAdds(undefined)} />}
    </>
  );
}

function Files({ image, files }: { image: string; files: readonly ImageFileState[] }) {
  const { may } = useSession();
  const verify = useAct('verifyImageFile', {
    done: ({ kind, text }) => (kind === 'right' ? tell(capital(text)) : tell(`Not right: ${text}`)),
  });
  return (
    <ul className="files">
      {files.map((file, index) => {
        const { tone, text } = STATES[file.state];
        return (
          // oxlint-disable-next-line react/no-array-index-key -- its number is its name in the API
          <li key={index}>
            <strong>{file.role}</strong>
            <span>
              <StateMark tone={tone}>{text}</StateMark>
              {file.progress !== undefined && file.state !== 'ready' && (
                <Bar part={file.progress} label={`${file.role} of ${image}`} tone="busy" />
              )}
            </span>
            <span className="soft where">
              {SOURCES[file.from]}: <Claimed mono>{file.where}</Claimed>
              {file.because !== undefined && <> — {file.because}</>}
              {file.checked.map((one) => (
                <span key={one}>; {one}</span>
              ))}
            </span>
            <span className="number">{file.bytes === undefined ? '' : bytes(file.bytes)}</span>
            {may('operator') && (
              <Button
                size="compact-xs"
                variant="default"
                disabled={file.state !== 'ready'}
                loading={verify.isPending && verify.variables?.params?.index === String(index)}
                onClick={() => verify.mutate({ params: { name: image, index: String(index) } })}
                aria-label={`Verify ${file.role} of ${image}`}
              >
                Verify
              </Button>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function CatalogDialog({ close }: { close: () => void }) {
  const { data } = useAsk('listImageCatalog');
  const [entry, setEntry] = useState<string | null>(null);
  const [version, setVersion] = useState('');
  const [arch, setArch] = useState<(typeof ARCHITECTURES)[number]>('x86_64');
  const add = useAct('addCatalogImage', {
    quiet: true,
    done: ({ name, proof }) => {
      tell(`${name} is added and being fetched. Proof: ${proof}`);
      close();
    },
  });
  const chosen = data?.items.find(({ name }) => name === entry);
  return (
    <Modal opened onClose={close} title="Add an image of the catalog" size="lg">
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          if (entry !== null) add.mutate({ body: { reference: `${entry}@${version.trim()}`, arch } });
        }}
      >
        <Select
          label="Image"
          data={(data?.items ?? []).map(({ name, title }) => ({ value: name, label: title }))}
          value={entry}
          onChange={setEntry}
          searchable
          required
          data-autofocus
        />
        {chosen && (
          <p className="soft">
            {chosen.boots === 'disk' ? 'Written to a disk by the agent.' : 'Netboots: kernel and initrd.'} Proven by{' '}
            {chosen.proof}.
          </p>
        )}
        <div className="row">
          <TextInput
            label="Version"
            description={chosen?.versions}
            value={version}
            onChange={({ currentTarget: { value } }) => setVersion(value)}
            required
          />
          <Select
            label="Architecture"
            data={chosen ? [...chosen.architectures] : [...ARCHITECTURES]}
            value={arch}
            onChange={(value) => setArch(ARCHITECTURES.find((one) => one === value) ?? 'x86_64')}
            allowDeselect={false}
          />
        </div>
        {add.error && <Failed error={add.error} />}
        <div className="row">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" className="spread" loading={add.isPending}>
            Add
          </Button>
        </div>
      </form>
    </Modal>
  );
}
