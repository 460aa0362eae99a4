//! Certificates that a target's own must be signed by.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Reads certificates in PEM, each of which can be trusted.
///
/// # Errors
/// In words, which of them is none.
pub fn trusted(pem: &str) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for (number, certificate) in CertificateDer::pem_slice_iter(pem.as_bytes()).enumerate() {
        let number = number + 1;
        let certificate = certificate.map_err(|_| format!("certificate {number} is not PEM"))?;
        store.add(certificate).map_err(|_| format!("certificate {number} is not one that can be trusted"))?;
    }
    if store.is_empty() {
        return Err("expected at least one certificate in PEM: -----BEGIN CERTIFICATE----- and so on".to_owned());
    }
    Ok(store)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_read_and_others_refused() {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem();
        assert_eq!(trusted(&format!("{made}\n{made}")).unwrap().len(), 2);
        let spoilt = made.replace("MII", "XXX");
        for (pem, reason) in [("", "at least one"), ("hello", "at least one"), (spoilt.as_str(), "certificate 1")] {
            assert!(trusted(pem).unwrap_err().contains(reason), "{pem}");
        }
    }
}
