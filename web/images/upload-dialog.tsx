import { Button, FileButton, Modal, Select, TextInput } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import { ASSET_ROLES, type AssetRole } from '#machines/contract/documents.ts';
import { ARCHITECTURES } from '#machines/values/architecture.ts';
import { ask } from '../api/daemon.ts';
import { bytes } from '../look/format.ts';
import { Bar, Failed } from '../look/parts.tsx';
import { tell } from '../look/tell.ts';
import { uploadFile, type UploadProgress } from './upload.ts';

type Chosen = { readonly file: File; readonly role: AssetRole };

/** What a file is, as far as its name tells. */
function roleOf({ name }: File): AssetRole {
  if (/vmlinu|bzimage|kernel|linux$/i.test(name)) return 'kernel';
  if (/initr|ramdisk|\.cpio|initramfs/i.test(name)) return 'initrd';
  if (/\.efi$/i.test(name)) return 'efi';
  return 'disk';
}

/** Files of an image: their digests are taken here, what the daemon lacks is sent, and then the image is made. */
export function UploadDialog({ close }: { close: () => void }) {
  const [name, setName] = useState('');
  const [arch, setArch] = useState<(typeof ARCHITECTURES)[number]>('x86_64');
  const [chosen, setChosen] = useState<readonly Chosen[]>([]);
  const [progress, setProgress] = useState<ReadonlyMap<File, UploadProgress>>(new Map());
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const [isOver, setOver] = useState(false);
  const gone = useRef(new AbortController());
  useEffect(() => {
    const own = new AbortController();
    gone.current = own;
    return () => own.abort(new Error('the dialog was closed'));
  }, []);

  const add = (files: readonly File[]): void =>
    setChosen((before) => [...before, ...files.map((file) => ({ file, role: roleOf(file) }))]);

  async function send(): Promise<void> {
    const { signal } = gone.current;
    setBusy(true);
    setError(undefined);
    try {
      const assets: { role: AssetRole; sha256: string }[] = [];
      for (const { file, role } of chosen) {
        const sha256 = await uploadFile(file, (now) => setProgress((before) => new Map(before).set(file, now)), signal);
        setProgress((before) => new Map(before).set(file, { doing: 'sending', part: 1 }));
        assets.push({ role, sha256 });
      }
      await ask('putImage', { params: { name }, body: { kind: 'Image', name, arch, assets }, expected: 0 }, signal);
      tell(`Image ${name} is there. Name it in a profile to boot it.`);
      close();
    } catch (failure) {
      if (!signal.aborted) setError(failure);
    }
    setBusy(false);
  }

  const isEmpty = chosen.some(({ file }) => file.size === 0);
  return (
    <Modal opened onClose={close} title="Upload an image" size="lg" closeOnClickOutside={!isBusy}>
      <form
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <div className="row">
          <TextInput
            label="Name of the image"
            placeholder="rescue"
            value={name}
            onChange={({ currentTarget: { value } }) => setName(value)}
            pattern="[a-z0-9]([a-z0-9.\-]*[a-z0-9])?"
            title="lower-case letters, digits, dots and dashes"
            maxLength={63}
            required
            data-autofocus
            spellCheck={false}
          />
          <Select
            label="Architecture"
            data={[...ARCHITECTURES]}
            value={arch}
            onChange={(value) => setArch(ARCHITECTURES.find((one) => one === value) ?? 'x86_64')}
            allowDeselect={false}
          />
        </div>
        <div
          className="drop"
          data-over={isOver ? '' : undefined}
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={(event) => {
            event.preventDefault();
            setOver(false);
            add([...event.dataTransfer.files]);
          }}
        >
          <p className="soft">Drop files here: kernel and initrd, a UKI, or the image of a disk.</p>
          <FileButton multiple onChange={add}>
            {(props) => (
              <Button variant="default" {...props}>
                Choose files
              </Button>
            )}
          </FileButton>
        </div>
        <div>
          {chosen.map(({ file, role }, index) => {
            const now = progress.get(file);
            return (
              <div key={`${file.name} ${file.size}`} className="upload-row">
                <span>
                  <strong>{file.name}</strong> <span className="soft">{bytes(file.size)}</span>
                </span>
                <Select
                  size="xs"
                  aria-label={`What ${file.name} is`}
                  data={[...ASSET_ROLES]}
                  value={role}
                  allowDeselect={false}
                  disabled={isBusy}
                  onChange={(value) => {
                    const next = ASSET_ROLES.find((one) => one === value) ?? role;
                    setChosen(chosen.map((one, at) => (at === index ? { ...one, role: next } : one)));
                  }}
                />
                <Button
                  size="compact-xs"
                  variant="subtle"
                  disabled={isBusy}
                  onClick={() => setChosen(chosen.filter((_, at) => at !== index))}
                  aria-label={`Remove ${file.name}`}
                >
                  Remove
                </Button>
                {now && (
                  <>
                    <Bar part={now.part} label={`${now.doing} ${file.name}`} tone={now.part === 1 ? 'good' : 'busy'} />
                    <span className="soft" role="status">
                      {now.doing === 'reading' ? 'taking its digest' : now.part === 1 ? 'sent' : 'sending'},{' '}
                      {Math.round(now.part * 100)} %
                    </span>
                  </>
                )}
              </div>
            );
          })}
        </div>
        {isEmpty && (
          <p className="note" data-tone="bad">
            An empty file cannot be booted.
          </p>
        )}
        {error !== undefined && <Failed error={error} />}
        <div className="row">
          <Button variant="default" onClick={close}>
            {isBusy ? 'Stop' : 'Leave it'}
          </Button>
          <Button type="submit" className="spread" loading={isBusy} disabled={chosen.length === 0 || isEmpty}>
            Upload
          </Button>
        </div>
      </form>
    </Modal>
  );
}
