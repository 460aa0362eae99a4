//! Sealing and opening.
//!
//! What is sealed is written as: a version, the length of the encrypted data key in two bytes, that key (nothing,
//! where the key is in a file), the nonce, and the ciphertext with its tag. The target's name is authenticated
//! with it, so that one target's secrets cannot be put in another's place.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_sdk_kms::Client;
use aws_sdk_kms::error::DisplayErrorContext;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use lru::LruCache;
use model::SealedSecrets;
use runtime::{Env, EnvError};

use crate::Secrets;

/// The first byte of what is sealed.
const VERSION: u8 = 1;

/// How many data keys a process keeps: each that manages made one.
const KEYS: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// How many opened secrets a process keeps: as many targets as are at work.
const OPENED: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// What KMS is told that a key is for, and must be told again for the key to be decrypted.
const CONTEXT: (&str, &str) = ("purpose", "tidings-targets");

/// Why secrets cannot be sealed or opened. The messages tell nothing of what they are.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// KMS did not answer, or refused.
    #[error("KMS cannot be used for the targets' secrets: {0}")]
    Kms(String),
    /// The key's file cannot be read or written.
    #[error("the key of the targets' secrets cannot be used: {0}")]
    File(String),
    /// Not what this deployment has sealed for this target.
    #[error("the secrets of target {0:?} cannot be read with this deployment's key: set them again")]
    Unreadable(String),
}

/// Seals and opens what targets keep to themselves.
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    master: Master,
    /// The data key that this process seals with, once it has.
    own: tokio::sync::OnceCell<DataKey>,
    /// Data keys by what they are encrypted as.
    keys: Mutex<LruCache<Vec<u8>, DataKey>>,
    opened: Mutex<LruCache<(String, SealedSecrets), Arc<Secrets>>>,
}

/// What data keys are kept by.
enum Master {
    /// A key of KMS.
    Kms { client: Client, key_id: String },
    /// The data key itself, from a file.
    File(DataKey),
}

/// A data key, and what it is encrypted as.
#[derive(Clone)]
struct DataKey {
    plain: Arc<RandomizedNonceKey>,
    encrypted: Vec<u8>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring(***)")
    }
}

impl Keyring {
    /// The keyring that the environment names:
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `SECRETS_KEY_ID` | the key of KMS, by its id or ARN |
    /// | `SECRETS_KEY_FILE` | instead, on a laptop: a file of 32 bytes |
    ///
    /// # Errors
    /// Where neither is set, or the file is not such a key.
    pub fn from_env(env: &Env<'_>) -> Result<Self, EnvError> {
        let Some(file) = env.get("SECRETS_KEY_FILE") else {
            let key_id = env.required("SECRETS_KEY_ID")?;
            return Ok(Self::new(Master::Kms { client: Client::new(&env.aws("KMS")?), key_id }));
        };
        let key = std::fs::read(&file).ok().and_then(|bytes| DataKey::new(&bytes, Vec::new()));
        let key = key.ok_or(EnvError::Invalid {
            name: "SECRETS_KEY_FILE",
            value: file,
            expected: "the path of a file of 32 bytes",
        })?;
        Ok(Self::new(Master::File(key)))
    }

    fn new(master: Master) -> Self {
        Self(Arc::new(Inner {
            master,
            own: tokio::sync::OnceCell::new(),
            keys: Mutex::new(LruCache::new(KEYS)),
            opened: Mutex::new(LruCache::new(OPENED)),
        }))
    }

    /// Encrypts the secrets of a target.
    pub async fn seal(&self, target: &str, secrets: &Secrets) -> Result<SealedSecrets, Error> {
        let key = self.0.own.get_or_try_init(|| self.0.master.data_key()).await?;
        let unreadable = |_| Error::Unreadable(target.to_owned());
        let mut text = serde_json::to_vec(secrets).map_err(|_| Error::Unreadable(target.to_owned()))?;
        let nonce = key.plain.seal_in_place_append_tag(Aad::from(target), &mut text).map_err(unreadable)?;
        let length = u16::try_from(key.encrypted.len()).map_err(|_| Error::Kms("its data key is too long".into()))?;
        let mut sealed = vec![VERSION];
        sealed.extend(length.to_be_bytes());
        sealed.extend(&key.encrypted);
        sealed.extend(nonce.as_ref());
        sealed.extend(text);
        Ok(SealedSecrets(sealed))
    }

    /// Decrypts the secrets of a target; what was decrypted before is kept.
    pub async fn open(&self, target: &str, sealed: &SealedSecrets) -> Result<Arc<Secrets>, Error> {
        let name = (target.to_owned(), sealed.clone());
        if let Some(secrets) = locked(&self.0.opened).get(&name) {
            return Ok(Arc::clone(secrets));
        }
        let unreadable = || Error::Unreadable(target.to_owned());
        let (encrypted, nonce, text) = parts(&sealed.0).ok_or_else(unreadable)?;
        let key = self.key(encrypted).await?;
        let mut text = text.to_vec();
        let text = key.plain.open_in_place(nonce, Aad::from(target), &mut text).map_err(|_| unreadable())?;
        let secrets: Arc<Secrets> = Arc::new(serde_json::from_slice(text).map_err(|_| unreadable())?);
        locked(&self.0.opened).put(name, Arc::clone(&secrets));
        Ok(secrets)
    }

    async fn key(&self, encrypted: &[u8]) -> Result<DataKey, Error> {
        if let Some(key) = locked(&self.0.keys).get(encrypted) {
            return Ok(key.clone());
        }
        let key = self.0.master.decrypt(encrypted).await?;
        locked(&self.0.keys).put(encrypted.to_vec(), key.clone());
        Ok(key)
    }
}

impl Master {
    /// A data key to seal with.
    async fn data_key(&self) -> Result<DataKey, Error> {
        let Self::Kms { client, key_id } = self else { return self.decrypt(&[]).await };
        let made = client
            .generate_data_key()
            .key_id(key_id)
            .key_spec(DataKeySpec::Aes256)
            .encryption_context(CONTEXT.0, CONTEXT.1)
            .send()
            .await
            .map_err(|error| Error::Kms(DisplayErrorContext(&error).to_string()))?;
        let encrypted = made.ciphertext_blob.map(Blob::into_inner).unwrap_or_default();
        made.plaintext.and_then(|plain| DataKey::new(plain.as_ref(), encrypted)).ok_or_else(no_key)
    }

    async fn decrypt(&self, encrypted: &[u8]) -> Result<DataKey, Error> {
        match self {
            Self::File(key) if encrypted.is_empty() => Ok(key.clone()),
            Self::File(_) => Err(Error::File("the secrets were sealed under a key of KMS".to_owned())),
            Self::Kms { client, key_id } => {
                let answer = client
                    .decrypt()
                    .key_id(key_id)
                    .ciphertext_blob(Blob::new(encrypted))
                    .encryption_context(CONTEXT.0, CONTEXT.1)
                    .send()
                    .await
                    .map_err(|error| Error::Kms(DisplayErrorContext(&error).to_string()))?;
                answer.plaintext.and_then(|plain| DataKey::new(plain.as_ref(), encrypted.to_vec())).ok_or_else(no_key)
            }
        }
    }
}

impl DataKey {
    fn new(plain: &[u8], encrypted: Vec<u8>) -> Option<Self> {
        let plain = RandomizedNonceKey::new(&AES_256_GCM, plain).ok()?;
        Some(Self { plain: Arc::new(plain), encrypted })
    }
}

fn no_key() -> Error {
    Error::Kms("it answered without a key of 256 bits".to_owned())
}

/// The encrypted data key, the nonce and the ciphertext.
fn parts(sealed: &[u8]) -> Option<(&[u8], Nonce, &[u8])> {
    let (&[version, high, low], rest) = sealed.split_first_chunk()?;
    if version != VERSION {
        return None;
    }
    let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>()?;
    Some((key, Nonce::from(nonce), text))
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a new key to a file that its owner alone may read, unless there is one.
///
/// # Errors
/// Where the file cannot be written, or there is no randomness.
pub fn write_key(file: &Path) -> Result<(), Error> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    if file.exists() {
        return Ok(());
    }
    let failed = |error: std::io::Error| Error::File(format!("{}: {error}", file.display()));
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| Error::File(error.to_string()))?;
    // Under another name first: a key of which half was written would be taken for one.
    let unfinished = file.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    let mut opened = options.write(true).create(true).truncate(true).mode(0o600).open(&unfinished).map_err(failed)?;
    opened.write_all(&key).and_then(|()| opened.sync_all()).map_err(failed)?;
    std::fs::rename(&unfinished, file).map_err(failed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::SigningSecret;

    fn keyring(key: u8) -> Keyring {
        Keyring::new(Master::File(DataKey::new(&[key; 32], Vec::new()).unwrap()))
    }

    fn secrets() -> Secrets {
        Secrets {
            signing: SigningSecret::new("whsec_c2VjcmV0".into()),
            former_signing: None,
            password: Some("hunter2".into()),
            authorization: None,
            headers: BTreeMap::from([("x-key".into(), "k".into())]),
        }
    }

    #[tokio::test]
    async fn what_is_sealed_can_be_opened_and_not_read() {
        let keyring = keyring(7);
        let sealed = keyring.seal("audit", &secrets()).await.unwrap();
        assert_eq!(*keyring.open("audit", &sealed).await.unwrap(), secrets());
        assert!(!sealed.0.windows(7).any(|bytes| bytes == b"hunter2"));
        assert_ne!(sealed, keyring.seal("audit", &secrets()).await.unwrap(), "each has a nonce of its own");
    }

    #[tokio::test]
    async fn what_was_sealed_for_another_target_or_by_another_key_is_not_opened() {
        let sealed = keyring(7).seal("audit", &secrets()).await.unwrap();
        for (key, target) in [(7, "other"), (8, "audit")] {
            let error = keyring(key).open(target, &sealed).await.unwrap_err();
            assert!(error.to_string().contains("set them again"), "{error}");
        }
    }

    #[tokio::test]
    async fn no_change_of_what_is_sealed_passes() {
        let keyring = keyring(7);
        let sealed = keyring.seal("audit", &secrets()).await.unwrap();
        for at in 0..sealed.0.len() {
            let mut spoilt = sealed.clone();
            spoilt.0[at] ^= 1;
            assert!(keyring.open("audit", &spoilt).await.is_err(), "byte {at}");
            assert!(keyring.open("audit", &SealedSecrets(sealed.0[..at].to_vec())).await.is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_key_is_written_once_and_for_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        write_key(&file).unwrap();
        let key = std::fs::read(&file).unwrap();
        write_key(&file).unwrap();
        assert_eq!((key.len(), std::fs::read(&file).unwrap()), (32, key));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
