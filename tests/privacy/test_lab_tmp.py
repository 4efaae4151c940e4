from dataclasses import replace
from mailboxes.parsing.values import *
from tests.desk import *
from mailboxes.models import *
from crm.models import *
from mailboxes.conversation import read_thread, read_message, read_body
from mailboxes.correspondence import read_correspondence, read_rows, count_threads, Show
from mailboxes.visibility import readings
from crm.records import BY_PLURAL
import re
def test_lab(desk, ada, ben, cleo, signed_in):
    m = mail("m1@x.example","p@firm.example",["ada@halyard.example"],subject="SUBJ00001")
    m = replace(m, text="SNIP00001 "+"word "*80+"BODY00001", headers="X-Note: HDR00001", attachments=(Attachment("ATTN00001.pdf","application/pdf",10),), bcc=(NamedAddress("bcc00001@other.example"),))
    h = replace(m, message_id="m2@x.example", html="<p>HTML00001</p>", subject="SUBJ00002")
    desk2=desk
    desk.workspace.enhanced_creation=False; desk.workspace.save()
    desk.put("ada", m, h)
    c=Company.objects.get()
    t=Thread.objects.first()
    msg=EmailMessage.objects.first()
    print(readings(ada,[msg.pk])); print(readings(ben,[msg.pk]))
    print(read_thread(ada,t.pk,now=NOW)); print(read_thread(ben,t.pk,now=NOW))
    e=read_message(ada,msg.pk,now=NOW); print(e); print(read_body(ada,e))
    e=read_message(ben,msg.pk,now=NOW); print(e); print(read_body(ben,e))
    print(read_correspondence(ada,BY_PLURAL["companies"],c.pk,now=NOW,show=Show.ALL,place=""))
    print(count_threads(ada,BY_PLURAL["companies"],c.pk), read_rows(ben,[t.pk],now=NOW))
    for who in (ada,ben):
        cl=signed_in.as_(who)
        for th in Thread.objects.all():
            mid=th.messages.get().pk
            for u in (f"emails/{th.pk}/",f"emails/{th.pk}/row/",f"emails/{th.pk}/access/",f"emails/{th.pk}/access-requests/new/",f"messages/{mid}/",f"messages/{mid}/?closed",f"messages/{mid}/body/"):
                for hx in ({}, {"HTTP_HX_REQUEST":"true"}):
                    r=cl.get(f"/halyard/{u}",**hx)
                    print(who,u,bool(hx),r.status_code,len(r.content),sorted(set(re.findall(r"(?i)(?:SUBJ|SNIP|BODY|HTML|ATTN|BCC|HDR)\d{5}",r.content.decode()))))
        for u in ("companies/","people/",f"companies/{c.pk}/",f"companies/{c.pk}/activity/",f"companies/{c.pk}/emails/",f"companies/{c.pk}/emails/?show=locked",f"companies/{c.pk}/emails/counts/",f"companies/{c.pk}/access/","notifications/","settings/account/email-calendar/","companies/export.csv","people/columns/"):
            for hx in ({}, {"HTTP_HX_REQUEST":"true"}):
                r=cl.get(f"/halyard/{u}",**hx)
                body=b"".join(r.streaming_content) if r.streaming else r.content
                print(who,u,bool(hx),r.status_code,len(body),sorted(set(re.findall(r"(?i)(?:SUBJ|SNIP|BODY|HTML|ATTN|BCC|HDR)\d{5}",body.decode()))))
    r=cl.get(f"/halyard/emails/{t.pk}/",HTTP_HX_REQUEST="true"); print(r.content.decode()); print(r.headers)
    cl=signed_in.as_(ada)
    r=cl.get(f"/halyard/emails/{t.pk}/",HTTP_HX_REQUEST="true"); print(r.content.decode())
    r=cl.get(f"/halyard/emails/{t.pk}/row/"); print(r.content.decode())
    r=cl.get(f"/halyard/emails/{t.pk}/access/",HTTP_HX_REQUEST="true"); print(r.content.decode())
    r=cl.get(f"/halyard/companies/{c.pk}/emails/",HTTP_HX_REQUEST="true"); print(r.content.decode())
