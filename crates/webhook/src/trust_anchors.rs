//! Trust anchors: the certificate authorities that a target's own certificate must be signed by.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Parses PEM certificates as trust anchors.
///
/// # Errors
/// Names the first certificate that is invalid.
pub fn parse_trust_anchors(pem: &str) -> Result<RootCertStore, String> {
    let mut store = RootCertStore::empty();
    for (number, certificate) in CertificateDer::pem_slice_iter(pem.as_bytes()).enumerate() {
        let number = number + 1;
        let certificate = certificate.map_err(|_| format!("certificate {number} is not PEM"))?;
        store.add(certificate).map_err(|_| format!("certificate {number} cannot be used as a trust anchor"))?;
    }
    if store.is_empty() {
        return Err("expected at least one PEM certificate, which begins with -----BEGIN CERTIFICATE-----".to_owned());
    }
    Ok(store)
}

/// Validates that a text consists of PEM certificates that can be used as trust anchors, and no other PEM blocks.
///
/// Certificate files often contain the private key as well. Everyone who may read targets can read the certificates, so a
/// private key must not be stored with them.
///
/// # Errors
/// Describes the first problem, without quoting the text.
pub fn validate_certificates(pem: &str) -> Result<(), String> {
    // Broader than the PEM parser and case-insensitive, so that a key with a damaged PEM header is found as well.
    let is_key = |line: &str| line.contains("BEGIN") && line.contains("PRIVATE KEY");
    if pem.to_ascii_uppercase().split(['\n', '\r']).any(is_key) {
        let reason = "expected only certificates, found a private key".to_owned();
        return Err(reason + ": remove it, and replace the key wherever it is in use, because it has been transmitted");
    }
    let labels = pem.split("-----BEGIN").skip(1);
    if let Some(number) = labels.into_iter().position(|rest| !rest.starts_with(" CERTIFICATE-----")) {
        return Err(format!("expected only certificates, but PEM block {} is not one: remove it", number + 1));
    }
    parse_trust_anchors(pem).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_parsed_and_other_text_is_rejected() {
        let generated = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem();
        assert_eq!(parse_trust_anchors(&format!("{generated}\n{generated}")).unwrap().len(), 2);
        let damaged = generated.replace("MII", "XXX");
        for (pem, reason) in [("", "at least one"), ("hello", "at least one"), (damaged.as_str(), "certificate 1")] {
            assert!(parse_trust_anchors(pem).unwrap_err().contains(reason), "{pem}");
        }
    }

    #[test]
    fn private_keys_and_other_blocks_are_rejected_and_not_quoted() {
        let generated = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (certificate, key) = (generated.cert.pem(), generated.signing_key.serialize_pem());
        let commented = format!("# Issuer: CN=Private Key CA\nsubject=CN = a\r\n{certificate}\n{certificate}\n");
        assert_eq!(validate_certificates(&commented), Ok(()));
        let relabelled = |label: &str| key.replace("PRIVATE KEY", label);
        for damaged in [
            key.clone(),
            relabelled("EC PRIVATE KEY"),
            relabelled("RSA PRIVATE KEY"),
            relabelled("ENCRYPTED PRIVATE KEY"),
            relabelled("OPENSSH PRIVATE KEY"),
            key.replace("-----", "---- "),
            key.replace("-----BEGIN", "  -----BEGIN"),
            key.to_ascii_lowercase(),
            relabelled("PUBLIC KEY"),
            relabelled("CERTIFICATE REQUEST"),
            relabelled("TRUSTED CERTIFICATE"),
            relabelled("PGP PRIVATE KEY BLOCK"),
            relabelled("CERTIFICATE"),
        ] {
            for pem in
                [damaged.clone(), format!("{certificate}{damaged}"), format!("{}{certificate}", damaged.trim_end())]
            {
                let reason = validate_certificates(&pem).unwrap_err();
                assert!(reason.contains("certificate"), "{reason}");
                let quotes_key = |line: &&str| !line.is_empty() && reason.contains(*line);
                assert_eq!(damaged.lines().find(quotes_key), None, "{reason}");
            }
        }
        let both = format!("{certificate}{key}");
        assert!(validate_certificates(&both).unwrap_err().contains("found a private key"));
        assert!(validate_certificates("").unwrap_err().contains("at least one"));
    }
}
