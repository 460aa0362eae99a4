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

/// Checks that a text is of certificates in PEM, each of which can be trusted, and has nothing else in armour: a file
/// that is handed over whole often has the private key beside them, and who may read targets must not read that.
///
/// # Errors
/// In words that repeat nothing of the text.
pub fn certificates_alone(pem: &str) -> Result<(), String> {
    // Wider than what is read as PEM, and in any case: a key is one also where its armour is bent.
    let is_key = |line: &str| line.contains("BEGIN") && line.contains("PRIVATE KEY");
    if pem.to_ascii_uppercase().split(['\n', '\r']).any(is_key) {
        let what = "expected certificates alone, and there is a private key among them: leave it out";
        return Err(format!("{what}, and replace it where it is used, for it has been sent"));
    }
    let labels = pem.split("-----BEGIN").skip(1);
    if let Some(number) = labels.into_iter().position(|rest| !rest.starts_with(" CERTIFICATE-----")) {
        return Err(format!("expected certificates alone, and block {} is something else: leave it out", number + 1));
    }
    trusted(pem).map(drop)
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

    #[test]
    fn private_keys_and_other_blocks_are_refused_and_not_repeated() {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let commented = format!("# Issuer: CN=Private Key CA\nsubject=CN = a\r\n{certificate}\n{certificate}\n");
        assert_eq!(certificates_alone(&commented), Ok(()));
        let relabelled = |label: &str| key.replace("PRIVATE KEY", label);
        for spoilt in [
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
            for pem in [spoilt.clone(), format!("{certificate}{spoilt}"), format!("{}{certificate}", spoilt.trim_end())]
            {
                let refused = certificates_alone(&pem).unwrap_err();
                assert!(refused.contains("certificate"), "{refused}");
                let of_key = |line: &&str| !line.is_empty() && refused.contains(*line);
                assert_eq!(spoilt.lines().find(of_key), None, "{refused}");
            }
        }
        let both = format!("{certificate}{key}");
        assert!(certificates_alone(&both).unwrap_err().contains("private key among them"));
        assert!(certificates_alone("").unwrap_err().contains("at least one"));
    }
}
