//! Encryption of a target's secrets.
//!
//! Sealed secrets consist of a version byte, the length of the encrypted data key (two bytes), the encrypted data key
//! (empty if the key is in a file), the nonce, and the ciphertext with its tag. The target's name is the associated data,
//! so the sealed secrets of one target cannot be substituted for those of another.

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

use crate::secrets::Secrets;

/// First byte of sealed secrets.
const FORMAT_VERSION: u8 = 1;

/// Maximum number of data keys in the cache. Each process that runs `manage` generates one.
const MAX_CACHED_DATA_KEYS: NonZeroUsize = NonZeroUsize::new(256).unwrap();

/// Maximum number of decrypted secrets in the cache: at least the number of active targets.
const MAX_CACHED_SECRETS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Encryption context of data keys. KMS decrypts a data key only with the context it was generated with.
const ENCRYPTION_CONTEXT: (&str, &str) = ("purpose", "tidings-targets");

/// The error of secrets that cannot be encrypted or decrypted. Messages never contain secrets.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// KMS failed or denied the request.
    #[error("failed to use the KMS key of the targets' secrets: {0}")]
    Kms(String),
    /// The key file cannot be read or written.
    #[error("failed to use the key file of the targets' secrets: {0}")]
    File(String),
    /// The secrets were not encrypted by this deployment for this target.
    #[error("failed to decrypt the secrets of target {0:?} with this deployment's key: set them again")]
    Unreadable(String),
}

/// Encrypts and decrypts the secrets of targets.
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    master: MasterKey,
    /// Data key with which this process encrypts, once it has one.
    sealing_key: tokio::sync::OnceCell<DataKey>,
    /// Data keys by their encrypted form.
    data_keys: Mutex<LruCache<Vec<u8>, DataKey>>,
    /// Decrypted secrets by target and sealed form.
    secrets: Mutex<LruCache<(String, SealedSecrets), Arc<Secrets>>>,
}

/// The key that protects data keys.
enum MasterKey {
    /// A KMS key, which encrypts data keys.
    Kms { client: Client, key_id: String },
    /// No encryption: the data key itself is in a file.
    File(DataKey),
}

/// A data key and its encrypted form.
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
    /// Creates the keyring that the environment configures:
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `SECRETS_KEY_ID` | ID or ARN of a KMS key |
    /// | `SECRETS_KEY_FILE` | alternative for a laptop: path of a file of 32 bytes |
    ///
    /// # Errors
    /// If neither variable is set, or the file is not a valid key.
    pub fn from_env(env: &Env<'_>) -> Result<Self, EnvError> {
        let Some(file) = env.get("SECRETS_KEY_FILE") else {
            let key_id = env.required("SECRETS_KEY_ID")?;
            return Ok(Self::new(MasterKey::Kms { client: Client::new(&env.aws("KMS")?), key_id }));
        };
        let key = std::fs::read(&file).ok().and_then(|bytes| DataKey::new(&bytes, Vec::new()));
        let key = key.ok_or(EnvError::Invalid {
            name: "SECRETS_KEY_FILE",
            value: file,
            expected: "the path of a file of 32 bytes",
        })?;
        Ok(Self::new(MasterKey::File(key)))
    }

    fn new(master: MasterKey) -> Self {
        Self(Arc::new(Inner {
            master,
            sealing_key: tokio::sync::OnceCell::new(),
            data_keys: Mutex::new(LruCache::new(MAX_CACHED_DATA_KEYS)),
            secrets: Mutex::new(LruCache::new(MAX_CACHED_SECRETS)),
        }))
    }

    /// Encrypts the secrets of a target.
    ///
    /// # Errors
    /// If no data key can be generated.
    pub async fn seal(&self, target: &str, secrets: &Secrets) -> Result<SealedSecrets, KeyringError> {
        let key = self.0.sealing_key.get_or_try_init(|| self.0.master.generate_data_key()).await?;
        let unreadable = |_| KeyringError::Unreadable(target.to_owned());
        let mut text = serde_json::to_vec(secrets).map_err(|_| KeyringError::Unreadable(target.to_owned()))?;
        let nonce = key.plain.seal_in_place_append_tag(Aad::from(target), &mut text).map_err(unreadable)?;
        let length = u16::try_from(key.encrypted.len())
            .map_err(|_| KeyringError::Kms("the encrypted data key is too long".into()))?;
        let mut sealed = vec![FORMAT_VERSION];
        sealed.extend(length.to_be_bytes());
        sealed.extend(&key.encrypted);
        sealed.extend(nonce.as_ref());
        sealed.extend(text);
        Ok(SealedSecrets(sealed))
    }

    /// Decrypts the secrets of a target, or returns them from the cache.
    ///
    /// # Errors
    /// If KMS fails, or the secrets were not encrypted for this target.
    pub async fn open(&self, target: &str, sealed: &SealedSecrets) -> Result<Arc<Secrets>, KeyringError> {
        let cache_key = (target.to_owned(), sealed.clone());
        if let Some(secrets) = locked(&self.0.secrets).get(&cache_key) {
            return Ok(Arc::clone(secrets));
        }
        let unreadable = || KeyringError::Unreadable(target.to_owned());
        let (encrypted, nonce, text) = split_sealed(&sealed.0).ok_or_else(unreadable)?;
        let key = self.data_key(encrypted).await?;
        let mut text = text.to_vec();
        let text = key.plain.open_in_place(nonce, Aad::from(target), &mut text).map_err(|_| unreadable())?;
        let secrets: Arc<Secrets> = Arc::new(serde_json::from_slice(text).map_err(|_| unreadable())?);
        locked(&self.0.secrets).put(cache_key, Arc::clone(&secrets));
        Ok(secrets)
    }

    async fn data_key(&self, encrypted: &[u8]) -> Result<DataKey, KeyringError> {
        if let Some(key) = locked(&self.0.data_keys).get(encrypted) {
            return Ok(key.clone());
        }
        let key = self.0.master.decrypt(encrypted).await?;
        locked(&self.0.data_keys).put(encrypted.to_vec(), key.clone());
        Ok(key)
    }
}

impl MasterKey {
    /// Generates a data key.
    async fn generate_data_key(&self) -> Result<DataKey, KeyringError> {
        let Self::Kms { client, key_id } = self else { return self.decrypt(&[]).await };
        let generated = client
            .generate_data_key()
            .key_id(key_id)
            .key_spec(DataKeySpec::Aes256)
            .encryption_context(ENCRYPTION_CONTEXT.0, ENCRYPTION_CONTEXT.1)
            .send()
            .await
            .map_err(|error| KeyringError::Kms(DisplayErrorContext(&error).to_string()))?;
        let encrypted = generated.ciphertext_blob.map(Blob::into_inner).unwrap_or_default();
        generated.plaintext.and_then(|plain| DataKey::new(plain.as_ref(), encrypted)).ok_or_else(missing_key)
    }

    async fn decrypt(&self, encrypted: &[u8]) -> Result<DataKey, KeyringError> {
        match self {
            Self::File(key) if encrypted.is_empty() => Ok(key.clone()),
            Self::File(_) => Err(KeyringError::File("the secrets were encrypted with a KMS key".to_owned())),
            Self::Kms { client, key_id } => {
                let decrypted = client
                    .decrypt()
                    .key_id(key_id)
                    .ciphertext_blob(Blob::new(encrypted))
                    .encryption_context(ENCRYPTION_CONTEXT.0, ENCRYPTION_CONTEXT.1)
                    .send()
                    .await
                    .map_err(|error| KeyringError::Kms(DisplayErrorContext(&error).to_string()))?;
                decrypted
                    .plaintext
                    .and_then(|plain| DataKey::new(plain.as_ref(), encrypted.to_vec()))
                    .ok_or_else(missing_key)
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

fn missing_key() -> KeyringError {
    KeyringError::Kms("the response contains no 256-bit key".to_owned())
}

/// Splits sealed secrets into the encrypted data key, the nonce and the ciphertext.
fn split_sealed(sealed: &[u8]) -> Option<(&[u8], Nonce, &[u8])> {
    let (&[version, high, low], rest) = sealed.split_first_chunk()?;
    if version != FORMAT_VERSION {
        return None;
    }
    let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
    let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>()?;
    Some((key, Nonce::from(nonce), text))
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Generates a key in a file that only its owner can read, unless the file exists.
///
/// # Errors
/// If the file cannot be written, or the system provides no random bytes.
pub fn create_key_file(file: &Path) -> Result<(), KeyringError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    if file.exists() {
        return Ok(());
    }
    let failed = |error: std::io::Error| KeyringError::File(format!("{}: {error}", file.display()));
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| KeyringError::File(error.to_string()))?;
    // Written under a temporary name first, so that an incomplete key is never used.
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
    use crate::signing_secret::SigningSecret;

    fn keyring(key: u8) -> Keyring {
        Keyring::new(MasterKey::File(DataKey::new(&[key; 32], Vec::new()).unwrap()))
    }

    fn secrets() -> Secrets {
        Secrets {
            signing: SigningSecret::new("whsec_c2VjcmV0".into()),
            previous_signing: None,
            password: Some("hunter2".into()),
            authorization: None,
            headers: BTreeMap::from([("x-key".into(), "k".into())]),
        }
    }

    #[tokio::test]
    async fn sealed_secrets_can_be_decrypted_and_are_not_in_plain_text() {
        let keyring = keyring(7);
        let sealed = keyring.seal("audit", &secrets()).await.unwrap();
        assert_eq!(*keyring.open("audit", &sealed).await.unwrap(), secrets());
        assert!(!sealed.0.windows(7).any(|bytes| bytes == b"hunter2"));
        assert_ne!(sealed, keyring.seal("audit", &secrets()).await.unwrap(), "each has its own nonce");
    }

    #[tokio::test]
    async fn secrets_of_another_target_or_key_are_rejected() {
        let sealed = keyring(7).seal("audit", &secrets()).await.unwrap();
        for (key, target) in [(7, "other"), (8, "audit")] {
            let error = keyring(key).open(target, &sealed).await.unwrap_err();
            assert!(error.to_string().contains("set them again"), "{error}");
        }
    }

    #[tokio::test]
    async fn modified_secrets_are_rejected() {
        let keyring = keyring(7);
        let sealed = keyring.seal("audit", &secrets()).await.unwrap();
        for at in 0..sealed.0.len() {
            let mut modified = sealed.clone();
            modified.0[at] ^= 1;
            assert!(keyring.open("audit", &modified).await.is_err(), "byte {at}");
            assert!(keyring.open("audit", &SealedSecrets(sealed.0[..at].to_vec())).await.is_err(), "cut at {at}");
        }
    }

    #[test]
    fn the_key_file_is_created_once_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        create_key_file(&file).unwrap();
        let key = std::fs::read(&file).unwrap();
        create_key_file(&file).unwrap();
        assert_eq!((key.len(), std::fs::read(&file).unwrap()), (32, key));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
