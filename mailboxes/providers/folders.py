"""What folders and labels are called around the world (pure).

Servers say with SPECIAL-USE which folder is what; many do not, and exports never do. The names are
those mail programs and providers create by themselves, compared case-folded.
"""

DRAFTS = "drafts"
JUNK = "junk"
SENT = "sent"
TRASH = "trash"

_NAMES = {
    DRAFTS: """Drafts|Draft|Entwürfe|Entwurf|Brouillons|Brouillon|Borradores|Borrador|Bozze|Rascunhos|
        Concepten|Utkast|Kladder|Kladde|Luonnokset|Wersje robocze|Szkice|Koncepty|Rozepsané|
        Rozpracované|Piszkozatok|Ciorne|Mesaje nefinalizate|Чернови|Черновики|Чернетки|Taslaklar|
        Πρόχειρα|טיוטות|مسودات|المسودات|下書き|草稿|草稿箱|草稿匣|임시보관함|임시 보관함""",
    JUNK: """Junk|Spam|Junk E-mail|Junk Email|Junk Mail|Bulk Mail|Bulk|Spamverdacht|Junk-E-Mail|Unerwünscht|
        Courrier indésirable|Indésirables|Pourriel|Correo no deseado|No deseado|Posta indesiderata|
        Indesiderata|Lixo Eletrônico|Lixo eletrónico|Correio não desejado|Ongewenste e-mail|Ongewenst|
        Skräppost|Søppelpost|Uønsket e-post|Uønsket mail|Roskaposti|Wiadomości-śmieci|Niechciane|
        Nevyžádaná pošta|Nevyžiadaná pošta|Levélszemét|Спам|Нежелательная почта|Небажана пошта|Önemsiz|
        Istenmeyen|Ανεπιθύμητα|דואר זבל|ספאם|بريد غير هام|迷惑メール|垃圾邮件|垃圾郵件|스팸|스팸함|정크 메일""",
    SENT: """Sent|Sent Items|Sent Mail|Sent Messages|Gesendet|Gesendete Elemente|Gesendete Objekte|
        Gesendete Nachrichten|Envoyés|Messages envoyés|Éléments envoyés|Enviados|Elementos enviados|
        Mensajes enviados|Inviati|Posta inviata|Elementi inviati|Itens enviados|Mensagens enviadas|
        Verzonden|Verzonden items|Verzonden berichten|Skickat|Skickade|Sendt|Sendte elementer|Lähetetyt|
        Wysłane|Elementy wysłane|Odeslané|Odeslaná pošta|Odoslané|Elküldött|Elküldött elemek|Trimise|
        Отправленные|Надіслані|Изпратени|Gönderilmiş|Gönderilenler|Gönderilmiş Öğeler|Απεσταλμένα|
        דואר יוצא|נשלחו|المرسلة|送信済み|送信済みメール|送信済みアイテム|已发送|已发送邮件|寄件備份|보낸편지함|보낸 편지함""",
    TRASH: """Trash|Bin|Deleted|Deleted Items|Deleted Messages|Papierkorb|Gelöscht|Gelöschte Elemente|
        Gelöschte Objekte|Corbeille|Éléments supprimés|Messages supprimés|Papelera|Elementos eliminados|
        Cestino|Posta eliminata|Elementi eliminati|Lixeira|Lixo|Itens excluídos|Itens eliminados|
        Reciclagem|Prullenbak|Verwijderde items|Papperskorg|Papperskorgen|Borttaget|Papirkurv|
        Papirkurven|Slettede elementer|Slettet post|Roskakori|Poistetut|Kosz|Elementy usunięte|Koš|
        Odstraněná pošta|Kôš|Odstránená pošta|Kuka|Törölt elemek|Coș de gunoi|Coş de gunoi|Корзина|
        Удаленные|Удалённые|Кошик|Видалені|Кошче|Çöp|Çöp Kutusu|Silinmiş|Silinmiş Öğeler|
        Κάδος απορριμμάτων|Διαγραμμένα|אשפה|المهملات|ゴミ箱|ごみ箱|削除済みアイテム|已删除|已删除邮件|废纸篓|
        垃圾桶|刪除的郵件|휴지통|지운편지함|지운 편지함""",
}
# Google Takeout labels chats like a folder of mail.
CHAT_LABELS = frozenset({"chat", "chats", "bate-papo", "chatten", "чат", "чаты", "チャット", "聊天", "채팅"})

_ROLES = {name.strip().casefold(): role for role, names in _NAMES.items() for name in names.split("|")}
LEFT_OUT = frozenset({DRAFTS, JUNK, TRASH})


def role_of(name: str) -> str | None:
    """What a folder is by its own name, without its parents."""
    return _ROLES.get(name.strip().casefold())


def is_left_out(name: str) -> bool:
    return role_of(name) in LEFT_OUT
